"""What is said of how much evidence it takes is what happens when it is gathered."""

import numpy as np
import pytest
from scipy.stats import norm

from components.bootstrap import estimate
from components.records.handles import Estimate
from components.significance import detectable, needed


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


def test_where_there_is_no_difference_no_number_is_named() -> None:
    assert needed(Estimate(value=0.5, low=0.45, high=0.55, n=300), 0.5) is None
