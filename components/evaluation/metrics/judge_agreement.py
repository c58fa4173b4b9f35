"""How often the judge prefers what people preferred: a judge that does not agree with people cannot decide for them."""

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`judge/agreement`: a share of the test pairs it judged, ties half; none where it judged none of them."""
    trial = evidence.trial
    judged = trial.verdicts.judged
    if not judged.any():
        return {}
    right, prompts = trial.verdicts.challenger_wins[judged], trial.prompts[judged]
    return {"judge/agreement": estimate(right, resamples=resamples, seed=seed, clusters=prompts)}
