"""How often the challenger itself would sooner say the chosen response than the rejected one.

https://arxiv.org/abs/2405.19534: the policy's own likelihoods, with no reference. Longer responses are less likely
whatever they say, so there is a second number with each log-likelihood divided by its tokens.
"""

import numpy as np

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/ranking_accuracy` and `policy/ranking_accuracy_per_token`: shares of test pairs; ties count half."""
    pairs = evidence.pairs
    margins = {
        "policy/ranking_accuracy": pairs.chosen_logp - pairs.rejected_logp,
        "policy/ranking_accuracy_per_token": pairs.chosen_logp / pairs.chosen_tokens
        - pairs.rejected_logp / pairs.rejected_tokens,
    }
    return {
        name: estimate((1 + np.sign(margin)) / 2, resamples=resamples, seed=seed, clusters=pairs.prompts)
        for name, margin in margins.items()
    }
