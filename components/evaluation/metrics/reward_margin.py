"""How far apart the reward model puts what users preferred and what they did not."""

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`reward/margin`: mean of r(chosen) - r(rejected) over the test pairs, in the reward model's own unit."""
    pairs = evidence.pairs
    return {"reward/margin": estimate(pairs.margins, resamples=resamples, seed=seed, clusters=pairs.prompts)}
