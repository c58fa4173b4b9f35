"""What is said of how much evidence it takes is what happens when it is gathered."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from components.bootstrap import estimate
from components.records.handles import Estimate
from components.significance import CHANCE, at_any_time, detectable, needed


def clears(truth: float, units: int, trials: int = 400) -> float:
    """How often the whole 95% interval of so many verdicts lies above a half."""
    rng = np.random.default_rng(0)
    share = rng.binomial(units, truth, trials) / units
    return float((share - 1.96 * np.sqrt(share * (1 - share) / units) > 0.5).mean())


def test_a_difference_that_can_be_shown_is_shown_four_times_in_five() -> None:
    wins = np.random.default_rng(1).binomial(1, 0.5, 600).astype(float)
    shown = detectable(estimate(wins, resamples=1000, seed=0))
    assert shown == pytest.approx(0.057, abs=0.003)
    assert 0.72 < clears(0.5 + shown, 600) < 0.88


def test_as_many_prompts_as_it_takes_are_enough_and_half_of_them_are_not() -> None:
    wins = (np.arange(300) % 100 < 54).astype(float)
    units = needed(estimate(wins, resamples=1000, seed=0), 0.5)
    assert units is not None
    assert 0.72 < clears(0.54, units) < 0.88
    assert clears(0.54, units // 2) < 0.6


def test_it_agrees_with_the_textbook_on_random_cases() -> None:
    rng = np.random.default_rng(2)
    for _ in range(1000):
        spread, units, difference = rng.uniform(0.1, 2), int(rng.integers(20, 5000)), rng.uniform(0.02, 0.5)
        half = norm.isf(0.025) * spread / np.sqrt(units)
        seen = Estimate(value=0.5 + difference, low=0.5 + difference - half, high=0.5 + difference + half, n=units)
        textbook = ((norm.isf(0.025) + norm.isf(0.2)) * spread / difference) ** 2
        told = needed(seen, 0.5)
        assert told is None if textbook > 1000 * units else told == pytest.approx(textbook, abs=1.001)


def looks_until(difference: float, widen: Callable[[Estimate], Estimate], trials: int = 1000) -> tuple[float, float]:
    """Look at growing samples of up to 2,000 units after every 20.

    Returns:
        How often an interval lay below 0 at any look, and how often one lay above 0 at the last.
    """
    values = np.random.default_rng(3).normal(difference, 1.0, (trials, 2000))
    sizes = np.arange(20, 2001, 20)
    means = values.cumsum(axis=1)[:, sizes - 1] / sizes
    halves = [norm.isf(0.025) / np.sqrt(size) for size in sizes]
    seen = [widen(Estimate(value=0.0, low=-half, high=half, n=int(n))) for half, n in zip(halves, sizes, strict=True)]
    below = means + [one.high for one in seen] < 0
    return float(below.any(axis=1).mean()), float((means[:, -1] + seen[-1].low > 0).mean())


def test_an_interval_that_is_looked_at_again_and_again_keeps_its_error_rate_and_still_finds_what_there_is() -> None:
    wrong, _ = looks_until(0.0, lambda seen: at_any_time(seen, CHANCE))
    wrong_if_plain, _ = looks_until(0.0, lambda seen: seen)
    assert wrong <= 0.025
    assert wrong_if_plain > 0.15
    _, found = looks_until(0.1, lambda seen: at_any_time(seen, CHANCE))
    assert found > 0.85  # where one look at the end would find it in 99%


def test_where_there_is_no_difference_no_number_is_named() -> None:
    assert needed(Estimate(value=0.5, low=0.45, high=0.55, n=300), 0.5) is None
