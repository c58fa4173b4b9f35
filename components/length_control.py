"""Win rates as they would be if both answers were equally long: what is left of a win when talking more wins nothing.

https://arxiv.org/abs/2404.04475. The log-odds of winning are taken for a sum of how much better a model is, of how much
longer its answer is, and of how hard the prompt is for it; the win rate is the mean of the odds without the second.
Knows nothing of who judged or of what the answers say.

    log-odds[k, i] = better[k] + length · tanh(longer[k, i] / spread[k]) + sense[k] · difficulty[i]

How much a judge likes length is one number for all models here and not one each, because it is the judge's: a model
that cut its answers short could otherwise be excused for them.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

RIDGE = 1.0
"""Inverse variance that is expected of difficulties, of `sense`, and of the liking of length of a single model."""

NEWTON = 25  # steps at the most; about six are enough


def of_many(wins: np.ndarray, longer: np.ndarray) -> np.ndarray:
    """Length-controlled win rates of models that all answered the same prompts, against one baseline.

    Args:
        wins: 1 the model's answer is better, 0 the baseline's, between them where the judge is unsure, shape (k, n).
        longer: by how much the model's answer is longer than the baseline's, in any unit, shape (k, n).

    Returns:
        Shares, shape (k,).
    """
    models = len(wins)
    length = _saturating(longer)

    def terms(found: np.ndarray) -> tuple[np.ndarray, ...]:
        better, liking, sense, difficulty = np.split(found, np.cumsum([models, 1, models]))
        return better, liking, sense, difficulty

    def loss(found: np.ndarray) -> tuple[float, np.ndarray]:
        better, liking, sense, difficulty = terms(found)
        odds = better[:, None] + liking * length + np.outer(sense, difficulty)
        off = expit(odds) - wins
        value = (np.logaddexp(0, odds) - wins * odds).sum()
        value += RIDGE / 2 * (sense @ sense + difficulty @ difficulty)
        slopes = (off @ difficulty + RIDGE * sense, sense @ off + RIDGE * difficulty)
        return float(value), np.concatenate([off.sum(1), [(off * length).sum()], *slopes])

    # A prompt is hard where most models lost. At zero difficulty and sense there would be no way to go.
    start = np.concatenate([np.zeros(models + 1), np.ones(models), wins.mean(0) - wins.mean()])
    better, _, sense, difficulty = terms(minimize(loss, start, jac=True, method="L-BFGS-B").x)
    rates: np.ndarray = expit(better[:, None] + np.outer(sense, difficulty)).mean(1)
    return rates


def of_one(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Length-controlled win rate of one model, a statistic for `bootstrap.estimate`: with one answer a prompt, nothing
    tells how hard it is.

    Args:
        values: whether the model's answer is better (1, 0 or between) and by how much it is longer, shape (n, 2).
        counts: how often each was drawn in b resamples, shape (b, n).

    Returns:
        Shares, shape (b,).
    """
    wins, length = values[:, 0], _saturating(values[:, 1])
    columns = np.stack([np.ones(len(wins)), length])
    expected = np.array([1e-6, RIDGE])
    found = np.zeros((len(counts), 2))
    for _ in range(NEWTON):
        share = expit(found @ columns)
        slope = (counts * (share - wins)) @ columns.T + expected * found
        curve = np.einsum("bn,in,jn->bij", counts * share * (1 - share), columns, columns) + np.diag(expected)
        step = np.linalg.solve(curve, slope[..., None])[..., 0]
        found -= np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return np.asarray(expit(found[:, 0]))


def _saturating(longer: np.ndarray) -> np.ndarray:
    """Differences in length in units of their spread, at most one; where all are alike they tell nothing."""
    spread = longer.std(axis=-1, keepdims=True)
    return np.tanh(np.where(spread > 0, longer / np.where(spread > 0, spread, 1.0), 0.0))
