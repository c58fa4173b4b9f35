"""How often the judge says the same when the two answers change places."""

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`judge/consistency`: a share of the prompts it judged; 1 for a judge that does not look at the order."""
    verdicts = evidence.answers.verdicts
    consistent = verdicts.consistent[verdicts.judged].astype(float)
    return {"judge/consistency": estimate(consistent, resamples=resamples, seed=seed)}
