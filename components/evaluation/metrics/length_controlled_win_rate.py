"""How often the judge would prefer the challenger's answer if both were equally long.

https://arxiv.org/abs/2404.04475
"""

import numpy as np

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.length_control import of_one
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/win_rate_length_controlled`: a share of the prompts that were judged.

    Length is counted in characters, as a judge sees it.
    """
    answers = evidence.answers
    challenger, champion = (np.array([len(one) for one in said]) for said in (answers.challenger, answers.champion))
    verdicts = answers.verdicts
    values = np.stack([verdicts.challenger_wins, challenger - champion], axis=1)
    measured = estimate(values[verdicts.judged], resamples=resamples, seed=seed, statistic=of_one)
    return {"policy/win_rate_length_controlled": measured}
