"""What people's verdicts on an evaluation come to by now, kept with its run. Knows nothing of what is decided by it."""

from collections.abc import Sequence

from pydantic import BaseModel

from components import tracking
from components.evaluation.people import verdicts
from components.evaluation.people.measures import measure
from components.evaluation.people.pairs import Pair
from components.records.handles import Estimate, Scorecard
from components.workspace import Workspace


class Judged(BaseModel):
    """What was judged, and what it comes to.

    Attributes:
        judged: by the name of each person, how many pairs.
        pairs: how many there are.
        measures: estimates by name, as `measures.measure` returns them.
    """

    judged: dict[str, int]
    pairs: int
    measures: dict[str, Estimate]


def outcome(workspace: Workspace, scorecard: Scorecard, pairs: Sequence[Pair]) -> Judged:
    """Measure what everybody has said of an evaluation, and log it to its run.

    Args:
        scorecard: of the evaluation.
        pairs: all of it.
    """
    settings = workspace.settings.evaluate
    said = verdicts.everybody(workspace, scorecard.run_id)
    measures = measure(pairs, said, settings.resamples, settings.seed)
    tracking.client(workspace)
    tracking.log_estimates(measures, scorecard.run_id)
    return Judged(judged=verdicts.counted(said), pairs=len(pairs), measures=measures)
