"""By what the reward model's margins would have to be divided for it to be as sure as it should be.

https://arxiv.org/abs/1706.04599: temperature scaling changes how sure a model is, and never what it prefers.
"""

from components.bootstrap import estimate
from components.evaluation.calibration import best_temperature, expected_calibration_error, probability_chosen
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`reward/temperature`: above 1 it is too sure, below 1 not sure enough. None where it tells no pair apart.

    `reward/ece_at_temperature`: what would be left of `reward/ece`. Both are of the same test pairs, so it flatters a
    little; with one number fitted to hundreds of pairs, very little.
    """
    pairs = evidence.pairs
    if not pairs.margins.any():
        return {}
    temperature = estimate(
        pairs.margins, resamples=resamples, seed=seed, statistic=best_temperature, clusters=pairs.prompts
    )
    left = estimate(
        probability_chosen(pairs.margins / temperature.value),
        resamples=resamples,
        seed=seed,
        statistic=expected_calibration_error,
        clusters=pairs.prompts,
    )
    return {"reward/temperature": temperature, "reward/ece_at_temperature": left}
