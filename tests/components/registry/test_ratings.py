"""Versions that never met are put on one scale by those they both met."""

import numpy as np
import pytest
from scipy.optimize import minimize

from components.bootstrap import estimate
from components.records.handles import Estimate
from components.registry.ratings import PRIOR, Match, ratings


def observed(first: int, second: int, truth: dict[int, float], prompts: int, draw: np.random.Generator) -> Match:
    wins = draw.binomial(1, 1 / (1 + np.exp(truth[second] - truth[first])), prompts).astype(float)
    return Match(first, second, estimate(wins, resamples=500, seed=0))


def test_the_interval_holds_the_truth_of_a_chain_about_as_often_as_it_says() -> None:
    """Version 4 beat 3, 3 beat 2, 2 beat 1: how would 1 do against 4?"""
    truth = {1: 0.0, 2: 0.3, 3: 0.5, 4: 0.9}
    draw = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        played = [observed(new, new - 1, truth, 300, draw) for new in (2, 3, 4)]
        rated = ratings(played, 4)
        held += rated[1].low < 1 / (1 + np.exp(0.9)) < rated[1].high
    assert 182 <= held <= 198  # 190 are expected


def test_it_agrees_with_a_plain_maximum_of_the_likelihood_on_random_tournaments() -> None:
    draw = np.random.default_rng(1)
    for _ in range(100):
        many = int(draw.integers(2, 6))
        truth = dict(enumerate(draw.normal(0, 0.5, many), start=1))
        pairs = [(new, int(draw.integers(1, new))) for new in range(2, many + 1)] + [(1, many)]
        played = [observed(*pair, truth, int(draw.integers(40, 400)), draw) for pair in pairs]
        rated = ratings(played, 1)
        likeliest = _likeliest(played, many)
        assert [rated[version].value for version in range(1, many + 1)] == pytest.approx(likeliest, abs=2e-3)


def _likeliest(played: list[Match], many: int) -> np.ndarray:
    """Shares against version 1, by a search that knows no slopes."""

    def unlikely(found: np.ndarray) -> float:
        rating = np.concatenate([[0.0], found])
        total = 0.0
        for match in played:
            share = match.share
            error = (share.high - share.low) / (2 * 1.959964)
            prompts = share.value * (1 - share.value) / error**2
            win = 1 / (1 + np.exp(rating[match.second - 1] - rating[match.first - 1]))
            total -= (prompts * share.value + PRIOR) * np.log(win)
            total -= (prompts * (1 - share.value) + PRIOR) * np.log(1 - win)
        return total

    settings = {"xatol": 1e-6, "fatol": 1e-9, "maxiter": 10_000, "maxfev": 10_000}
    found = minimize(unlikely, np.zeros(many - 1), method="Nelder-Mead", options=settings).x
    return np.asarray(1 / (1 + np.exp(-np.concatenate([[0.0], found]))))


def test_who_never_lost_has_a_finite_rating_and_who_never_met_them_has_none() -> None:
    always = Match(2, 1, Estimate(value=1.0, low=1.0, high=1.0, n=20))
    elsewhere = Match(8, 7, Estimate(value=0.6, low=0.5, high=0.7, n=100))
    rated = ratings([always, elsewhere], 1)
    assert set(rated) == {1, 2}
    assert 0.9 < rated[2].value < 0.99
    assert rated[2].low < 0.9


def test_a_champion_nobody_was_compared_with_stands_alone() -> None:
    assert list(ratings([], 3)) == [3]
