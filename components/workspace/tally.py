"""Counts what retrainings came to and how long their stages took, from when the workspace was made. Knows no stage.

For Prometheus, which wants numbers that only grow: kept on disk, because the processes that retrain come and go.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ValidationError

from components.workspace.files import place_text
from components.workspace.workspace import Workspace


class Timed(BaseModel):
    """How often a stage was gone through to its end, and the seconds it took in all."""

    times: int = 0
    seconds: float = 0.0


class Tally(BaseModel):
    """What there is to count.

    Attributes:
        outcomes: outcome of a retraining to how often it came.
        stages: name of a stage to its time.
    """

    outcomes: dict[str, int] = {}
    stages: dict[str, Timed] = {}


def read(workspace: Workspace) -> Tally:
    """All that was counted."""
    try:
        return Tally.model_validate(json.loads(_file(workspace).read_text()))
    except (OSError, ValidationError, ValueError):
        return Tally()


def count(workspace: Workspace, outcome: str) -> None:
    """One more retraining came to an end."""

    def one_more(tally: Tally) -> None:
        tally.outcomes[outcome] = tally.outcomes.get(outcome, 0) + 1

    _change(workspace, one_more)


@contextmanager
def timed(workspace: Workspace, stage: str) -> Iterator[None]:
    """Count a stage and its seconds where the block comes to its end."""
    start = time.monotonic()
    yield
    seconds = time.monotonic() - start

    def once_more(tally: Tally) -> None:
        known = tally.stages.get(stage, Timed())
        tally.stages[stage] = Timed(times=known.times + 1, seconds=known.seconds + seconds)

    _change(workspace, once_more)


def _change(workspace: Workspace, change: Callable[[Tally], None]) -> None:
    """What is counted is not worth a retraining: where it cannot be written down, it is left out."""
    with suppress(OSError):
        workspace.state.mkdir(exist_ok=True)
        with FileLock(workspace.state / "tally.lock"):
            tally = read(workspace)
            change(tally)
            place_text(_file(workspace), tally.model_dump_json())


def _file(workspace: Workspace) -> Path:
    return workspace.state / "tally.json"
