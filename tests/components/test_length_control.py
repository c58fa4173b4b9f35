"""What is left of a win when talking more wins nothing."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from components.bootstrap import estimate
from components.length_control import of_many, of_one

PUBLISHED = {
    "claude-2.1": (15.73, 25.25),
    "claude-2.1_concise": (9.23, 18.21),
    "gemma-7b-it": (6.94, 10.43),
    "gpt-3.5-turbo-1106": (9.18, 19.30),
    "gpt-3.5-turbo-1106_concise": (7.42, 15.77),
    "gpt-3.5-turbo-1106_verbose": (12.76, 22.00),
    "vicuna-13b-v1.5": (6.72, 10.48),
}
"""Win rate and length-controlled win rate of AlpacaEval 2, percent."""


def test_alpaca_evals_published_figures_come_out(shared_data: Path) -> None:
    wins, longer = [], []
    for model in PUBLISHED:
        with gzip.open(shared_data / "alpaca-eval" / f"{model}.json.gz") as file:
            rows = sorted(json.load(file), key=lambda row: row["instruction"])
        wins.append([row["preference"] - 1 for row in rows])
        longer.append([len(row["output_2"]) - len(row["output_1"]) for row in rows])
    published, controlled = np.array(list(PUBLISHED.values())).T
    assert np.abs(100 * np.mean(wins, axis=1) - published).max() < 0.01
    found = 100 * of_many(np.array(wins), np.array(longer))
    assert np.abs(found - controlled).mean() < 1.5
    assert np.argsort(found).tolist() == np.argsort(controlled).tolist()


def drawn(better: float, liking: float, talks: float, prompts: int = 2000, seed: int = 0) -> np.ndarray:
    """Verdicts of a judge who likes length, on a model that talks more by so many spreads: shape (n, 2)."""
    rng = np.random.default_rng(seed)
    longer = rng.normal(talks, 1, prompts)
    wins = rng.random(prompts) < expit(better + liking * np.tanh(longer / longer.std()))
    return np.stack([wins.astype(float), 300 * longer], axis=1)


def test_a_model_that_only_talks_more_does_not_win() -> None:
    seen = drawn(better=0.0, liking=2.0, talks=1.0)
    assert estimate(seen[:, 0], resamples=300, seed=0).low > 0.65
    left = estimate(seen, resamples=300, seed=0, statistic=of_one)
    assert left.low < 0.5 < left.high
    assert left.high - left.low < 0.15


def test_a_model_that_is_better_and_says_less_is_seen_to_be() -> None:
    seen = drawn(better=0.6, liking=2.0, talks=-1.0)
    assert seen[:, 0].mean() < 0.5
    left = estimate(seen, resamples=300, seed=0, statistic=of_one)
    assert left.low > 0.55
    assert left.value == pytest.approx(expit(0.6), abs=0.05)


@pytest.mark.parametrize("longer", [0.0, 40.0])
def test_where_all_differ_alike_in_length_the_win_rate_is_what_it_was(longer: float) -> None:
    seen = np.stack([np.array([1.0, 1.0, 0.5, 0.0] * 50), np.full(200, longer)], axis=1)
    assert of_one(seen, np.ones((1, 200)))[0] == pytest.approx(0.625, abs=1e-6)


def test_who_wins_always_is_told_so() -> None:
    seen = np.stack([np.ones(50), np.arange(50.0)], axis=1)
    assert of_one(seen, np.ones((2, 50))).min() > 0.99
