"""How often the reward model prefers what users preferred in what they asked last, and nobody asked before."""

import numpy as np

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate

ENOUGH = 20  # pairs


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`reward/accuracy_newest`: as `reward/accuracy`, of the newest side; none where it has fewer than 20 pairs."""
    newest = evidence.newest
    if newest is None or len(newest.margins) < ENOUGH:
        return {}
    right = (1 + np.sign(newest.margins)) / 2
    return {"reward/accuracy_newest": estimate(right, resamples=resamples, seed=seed, clusters=newest.prompts)}
