"""How often the judge gave a verdict at all: what it did not judge is in no win rate."""

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`judge/coverage`: the share of prompts on which it gave a verdict in both orders."""
    judged = evidence.answers.verdicts.judged.astype(float)
    return {"judge/coverage": estimate(judged, resamples=resamples, seed=seed)}
