"""How fast each model answers on this machine. What else the machine did then shows too: of a second look at the same
models, only large differences mean something.
"""

import numpy as np

from components.bootstrap import estimate, ratio_of_means
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/seconds_an_answer`, `champion/seconds_an_answer`: the machine's time for one of up to 64 at once.

    `policy/tokens_a_second`, `champion/tokens_a_second`: of all answers, in the challenger's tokens.
    """
    answers = evidence.answers
    models = {
        "policy": (answers.challenger_seconds, answers.challenger_tokens),
        "champion": (answers.champion_seconds, answers.champion_tokens),
    }
    found = {}
    for model, (seconds, tokens) in models.items():
        both = np.stack([tokens, seconds], axis=1)
        found[f"{model}/seconds_an_answer"] = estimate(seconds, resamples=resamples, seed=seed)
        found[f"{model}/tokens_a_second"] = estimate(both, resamples=resamples, seed=seed, statistic=ratio_of_means)
    return found
