"""How long the answers are: a challenger that wins by talking more should be seen to."""

import numpy as np

from components.bootstrap import estimate, ratio_of_means
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/length` and `champion/length`: mean tokens an answer, the end token included; both in the challenger's
    tokens. `policy/length_ratio`: the first over the second.
    """
    challenger = evidence.answers.challenger_tokens.astype(float)
    champion = evidence.answers.champion_tokens.astype(float)
    both = np.stack([challenger, champion], axis=1)
    return {
        "policy/length": estimate(challenger, resamples=resamples, seed=seed),
        "champion/length": estimate(champion, resamples=resamples, seed=seed),
        "policy/length_ratio": estimate(both, resamples=resamples, seed=seed, statistic=ratio_of_means),
    }
