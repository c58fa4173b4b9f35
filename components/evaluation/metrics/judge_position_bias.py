"""How much the judge likes the answer it is shown first, whichever that is."""

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`judge/position_bias`: how often beyond a half it prefers the answer shown first, over both orders.

    From -0.5 (never) to 0.5 (always); on the test pairs it judged, none where it judged none.
    """
    trial = evidence.trial
    judged = trial.verdicts.judged
    if not judged.any():
        return {}
    beyond, prompts = trial.verdicts.first_wins[judged] - 0.5, trial.prompts[judged]
    return {"judge/position_bias": estimate(beyond, resamples=resamples, seed=seed, clusters=prompts)}
