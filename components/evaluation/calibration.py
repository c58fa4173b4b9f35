"""Whether a reward model is right as often as it says. Knows only its probabilities, not where they come from.

A pair has one number: the probability p that chosen beats rejected. The model is confident by max(p, 1-p), and right
when p is above a half; at exactly a half it is half right.
"""

from dataclasses import dataclass

import numpy as np

BINS = 10
TEMPERATURES = np.geomspace(0.05, 20, 241)  # 2.5% apart
EDGES = np.linspace(0, 1, BINS + 1)


@dataclass(frozen=True)
class Reliability:
    """What a reliability diagram shows, one entry a bin of confidence.

    Attributes:
        confidence: mean confidence, shape (10,); nan where the bin is empty.
        accuracy: share that is right, shape (10,); nan where the bin is empty.
        count: pairs in the bin, shape (10,).
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


def probability_chosen(margins: np.ndarray) -> np.ndarray:
    """Bradley-Terry: the probability that chosen beats rejected, from margins r(chosen) - r(rejected), shape (n,)."""
    return np.exp(-np.logaddexp(0, -margins))


def reliability(probability: np.ndarray) -> Reliability:
    """Confidence and accuracy in 10 bins of equal width over [0, 1]. https://arxiv.org/abs/1706.04599

    Args:
        probability: that chosen beats rejected, shape (n,).
    """
    confidence, correct, bins = _binned(probability)
    count = np.bincount(bins, minlength=BINS)
    share = np.where(count > 0, count, np.nan)
    return Reliability(
        confidence=np.bincount(bins, confidence, BINS) / share,
        accuracy=np.bincount(bins, correct, BINS) / share,
        count=count,
    )


def expected_calibration_error(probability: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
    """ECE: the gap between confidence and accuracy, averaged over bins by how many pairs each holds.

    sum over bins of (n_bin / n) * |accuracy_bin - confidence_bin|, in 10 bins of equal width over [0, 1].
    https://arxiv.org/abs/1706.04599
    The gaps are absolute, so chance alone keeps it above 0: by about 0.04 on 300 pairs and 0.1 on 50.

    Args:
        probability: that chosen beats rejected, shape (n,).
        counts: how often each pair counts in b resamples, shape (b, n); once each when not given.

    Returns:
        Shape (b,), each between 0 and 1; shape (1,) without counts.
    """
    counts = np.ones((1, len(probability))) if counts is None else counts
    confidence, correct, bins = _binned(probability)
    gaps = (correct - confidence)[:, None] * np.eye(BINS)[bins]
    return np.abs(counts @ gaps).sum(axis=1) / counts.sum(axis=1)


def best_temperature(margins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """By what margins have to be divided to make the choices most likely. https://arxiv.org/abs/1706.04599

    The likeliest of 241 temperatures from 0.05 to 20, a statistic for `bootstrap.estimate`.

    Args:
        margins: r(chosen) - r(rejected), shape (n,).
        counts: how often each pair counts in b resamples, shape (b, n).

    Returns:
        Shape (b,).
    """
    surprise = np.logaddexp(0, -margins[:, None] / TEMPERATURES)
    return np.asarray(TEMPERATURES[(counts @ surprise).argmin(axis=1)])


def _binned(probability: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, correctness and bin of every pair, shape (n,) each; a bin holds its upper edge, as in the paper."""
    confidence = np.maximum(probability, 1 - probability)
    correct = (1 + np.sign(probability - 0.5)) / 2
    return confidence, correct, np.digitize(confidence, EDGES[1:-1], right=True)
