"""What heed computes is what scipy computes, on a thousand random cases each."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import bootstrap, ttest_1samp

from components.bootstrap import estimate, mean, ratio_of_means
from components.length_control import of_one
from components.records.handles import ModelVersion, Scorecard
from components.registry.gate import Check, Policy, decide
from components.significance import spent

CASES = 1000
MODEL = ModelVersion(name="heed-policy", version=1, run_id="r", dataset="d", step="s")


@pytest.mark.parametrize("statistic", [mean, ratio_of_means])
def test_intervals_are_those_of_scipys_bootstrap(statistic) -> None:
    """Both draw at random, so one end is off by some hundredths of the standard error, and all together by none."""
    draw, of_ratio = np.random.default_rng(0), statistic is ratio_of_means
    off = []
    for case in range(CASES):
        values = draw.gamma(draw.uniform(1, 5), 1, (int(draw.integers(20, 120)), 2))
        mine = estimate(values if of_ratio else values[:, 0], resamples=400, seed=case, statistic=statistic)
        theirs = _scipys(values, of_ratio, case)
        ends = theirs.confidence_interval
        off.append([(mine.low - ends.low) / theirs.standard_error, (mine.high - ends.high) / theirs.standard_error])
    assert np.abs(np.mean(off, axis=0)).max() < 0.03
    assert np.std(off) < 0.25
    assert np.abs(off).max() < 1.2


def _scipys(values: np.ndarray, of_ratio: bool, seed: int):
    settings = {"n_resamples": 400, "method": "percentile", "rng": seed, "vectorized": True}
    if of_ratio:
        ratio = lambda first, second, axis: first.mean(axis) / second.mean(axis)  # noqa: E731
        return bootstrap((values[:, 0], values[:, 1]), ratio, paired=True, **settings)
    return bootstrap((values[:, 0],), np.mean, **settings)


def test_length_controlled_rates_are_those_of_a_plain_search() -> None:
    draw = np.random.default_rng(1)
    for _ in range(CASES):
        longer = draw.normal(draw.uniform(-50, 50), 80, int(draw.integers(30, 300)))
        odds = draw.normal(0, 0.7) + draw.normal(0, 0.7) * np.tanh(longer / longer.std())
        wins = draw.choice([0.0, 0.5, 1.0], len(longer)) * 0.2 + 0.8 * (
            draw.random(len(longer)) < 1 / (1 + np.exp(-odds))
        )
        mine = of_one(np.stack([wins, longer], axis=1), np.ones((1, len(wins))))[0]
        assert mine == pytest.approx(_searched(wins, longer), abs=2e-4)


def _searched(wins: np.ndarray, longer: np.ndarray) -> float:
    length = np.tanh(longer / longer.std())

    def unlikely(found: np.ndarray) -> float:
        share = 1 / (1 + np.exp(-(found[0] + found[1] * length)))
        return float(-(wins * np.log(share) + (1 - wins) * np.log(1 - share)).sum() + found[1] ** 2 / 2)

    found = minimize(unlikely, np.zeros(2), method="BFGS", options={"gtol": 1e-6}).x
    return float(1 / (1 + np.exp(-found[0])))


def test_the_gate_decides_as_a_paired_test_does() -> None:
    """A win rate beyond a half by the gate is one by Student's test of the paired verdicts, but for close calls."""
    draw = np.random.default_rng(2)
    check = Policy(checks=(Check(measure="policy/win_rate", at_least=0.5),))
    agreed = []
    for case in range(CASES):
        many, lean = int(draw.integers(100, 600)), draw.uniform(-0.1, 0.1)
        chances = np.array([0.35 - lean, 0.05, 0.2, 0.05, 0.35 + lean])
        wins = draw.choice([0.0, 0.25, 0.5, 0.75, 1.0], many, p=chances)
        seen = estimate(wins, resamples=1000, seed=case)
        outcome = decide(_card(seen), check).outcome
        above = ttest_1samp(wins, 0.5, alternative="greater").pvalue < spent(1)
        below = ttest_1samp(wins, 0.5, alternative="less").pvalue < spent(1)
        agreed.append(outcome == ("promote" if above else "refuse" if below else "hold"))
    assert np.mean(agreed) > 0.98


def _card(seen) -> Scorecard:
    return Scorecard(
        challenger=MODEL,
        champion=MODEL,
        reward=MODEL,
        dataset="d",
        judge="reward",
        measures={"policy/win_rate": seen},
        run_id="r",
    )
