"""Whether the reward model is as sure as it should be."""

from components.bootstrap import estimate
from components.evaluation.calibration import expected_calibration_error, probability_chosen
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`reward/ece`: the expected calibration error on the test pairs, 0 to 1. https://arxiv.org/abs/1706.04599"""
    pairs = evidence.pairs
    return {
        "reward/ece": estimate(
            probability_chosen(pairs.margins),
            resamples=resamples,
            seed=seed,
            statistic=expected_calibration_error,
            clusters=pairs.prompts,
        )
    }
