"""Whether the reward model looks at what was asked, or only at how an answer sounds."""

import numpy as np

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`reward/swap_accuracy`: how often it prefers the chosen answer to one that people chose for another prompt.

    A share, ties half: a half where it does not look at the prompt. None where there is one prompt only.
    """
    probes = evidence.probes
    if len(np.unique(probes.prompts)) < 2:
        return {}
    right = (1 + np.sign(probes.own)) / 2
    return {"reward/swap_accuracy": estimate(right, resamples=resamples, seed=seed, clusters=probes.prompts)}
