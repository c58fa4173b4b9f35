"""How often the challenger, read as a reward model, agrees with users.

https://arxiv.org/abs/2305.18290: a policy trained by DPO is a reward model, r(x, y) = beta log(policy / reference).
"""

import numpy as np

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/implicit_accuracy`: the share of test pairs with r(chosen) > r(rejected); ties count half."""
    pairs = evidence.pairs
    chosen = evidence.beta * (pairs.chosen_logp - pairs.chosen_reference_logp)
    rejected = evidence.beta * (pairs.rejected_logp - pairs.rejected_reference_logp)
    right = (1 + np.sign(chosen - rejected)) / 2
    return {"policy/implicit_accuracy": estimate(right, resamples=resamples, seed=seed, clusters=pairs.prompts)}
