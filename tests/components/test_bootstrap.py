"""Intervals hold what they promise."""

import time

import numpy as np
import pytest

from components.bootstrap import estimate, ratio_of_means
from components.evaluation.calibration import expected_calibration_error


def coverage(draw, truth: float, experiments: int = 400) -> float:
    """In how many experiments the interval holds the truth."""
    held = 0
    for seed in range(experiments):
        values, options = draw(np.random.default_rng(seed))
        found = estimate(values, resamples=400, seed=seed, **options)
        held += found.low <= truth <= found.high
    return held / experiments


def test_a_95_percent_interval_holds_the_truth_about_95_times_in_100() -> None:
    wins = coverage(lambda rng: ((rng.random(150) < 0.6).astype(float), {}), truth=0.6)
    assert 0.92 <= wins <= 0.975


def test_an_interval_for_a_ratio_holds_the_truth_about_95_times_in_100() -> None:
    def lengths(rng: np.random.Generator) -> tuple[np.ndarray, dict]:
        return np.stack([rng.gamma(4, 30, 150), rng.gamma(4, 20, 150)], axis=1), {"statistic": ratio_of_means}

    assert 0.92 <= coverage(lengths, truth=1.5) <= 0.975


def test_pairs_of_one_prompt_need_to_be_drawn_together() -> None:
    def by_prompt(rng: np.random.Generator) -> np.ndarray:
        return np.repeat(rng.normal(size=60), 8) + 0.3 * rng.normal(size=480)

    prompts = np.repeat(np.arange(60), 8)
    assert 0.90 <= coverage(lambda rng: (by_prompt(rng), {"clusters": prompts}), truth=0.0) <= 0.98
    assert coverage(lambda rng: (by_prompt(rng), {}), truth=0.0) < 0.7


def test_the_interval_of_a_mean_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    start = time.monotonic()
    found = estimate(values, resamples=2000, seed=0)
    assert time.monotonic() - start < 5
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 5000**0.5, rel=0.05)
    assert found.n == 5000


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = np.random.default_rng(0).normal(size=50)
    assert estimate(values, resamples=200, seed=1) == estimate(values, resamples=200, seed=1)
    assert estimate(values, resamples=200, seed=1).low != estimate(values, resamples=200, seed=2).low


def test_clusters_of_one_are_no_clusters_and_n_counts_clusters() -> None:
    values = np.random.default_rng(0).random(40)
    alone = estimate(values, resamples=300, seed=0, clusters=np.arange(40) + 7)
    assert alone == estimate(values, resamples=300, seed=0)
    assert estimate(values, resamples=300, seed=0, clusters=np.arange(40) // 4).n == 10


def test_any_statistic_of_the_counts_can_be_bootstrapped() -> None:
    probability = np.random.default_rng(0).random(200)
    found = estimate(probability, resamples=300, seed=0, statistic=expected_calibration_error)
    assert found.value == pytest.approx(expected_calibration_error(probability)[0])
    assert found.low < found.high


def test_nothing_cannot_be_estimated_from() -> None:
    with pytest.raises(ValueError, match="nothing"):
        estimate(np.zeros(0), resamples=10, seed=0)
