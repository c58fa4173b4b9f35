"""How much more the judge likes long answers than people do."""

import numpy as np

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`judge/length_bias`: how often it prefers the longer answer, less how often people did, on the same test pairs.

    From -1 to 1; on the pairs it judged whose answers differ in length, none where there are none.
    """
    trial = evidence.trial
    compared = trial.verdicts.judged & (trial.longer != 0)
    if not compared.any():
        return {}
    longer_chosen = trial.longer[compared] > 0
    chosen_wins = trial.verdicts.challenger_wins[compared]
    more = np.where(longer_chosen, chosen_wins, 1 - chosen_wins) - longer_chosen
    return {"judge/length_bias": estimate(more, resamples=resamples, seed=seed, clusters=trial.prompts[compared])}
