"""Puts a 95% interval around any number by resampling what it was measured on. Knows nothing of what is measured."""

from collections.abc import Callable, Iterator

import numpy as np

from components.records.handles import Estimate

Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From values, shape (n, ...), and how often each was drawn in b resamples, shape (b, n), to b numbers, shape (b,)."""

CELLS = 2**22  # counts held at once: 32 MB, whatever the number of values and resamples


def mean(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mean of values of shape (n,) in every resample."""
    return counts @ values / counts.sum(axis=1)


def ratio_of_means(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mean of the first column over the mean of the second, from values of shape (n, 2), in every resample."""
    totals = counts @ values
    return totals[:, 0] / totals[:, 1]


def estimate(
    values: np.ndarray,
    *,
    resamples: int,
    seed: int,
    statistic: Statistic = mean,
    clusters: np.ndarray | None = None,
) -> Estimate:
    """A statistic with its percentile bootstrap interval.

    Args:
        values: one row a unit, shape (n, ...), in whatever form the statistic takes.
        resamples: how many times the units are drawn again.
        seed: the same seed draws the same resamples.
        statistic: what is computed from the values.
        clusters: shape (n,); units of one cluster are drawn together, because they are not independent.

    Returns:
        The statistic of all values, its 2.5% and 97.5% percentiles over resamples, and n: how many units were drawn
        from, which is the number of clusters where there are some.

    Raises:
        ValueError: there are no values.
    """
    if len(values) == 0:
        raise ValueError("there is nothing to estimate from")
    cluster_of = np.arange(len(values)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    units = int(cluster_of.max()) + 1
    width = max(1, CELLS // len(values))
    drawn = [statistic(values, counts[:, cluster_of]) for counts in _draws(units, resamples, seed, width)]
    low, high = np.percentile(np.concatenate(drawn), (2.5, 97.5))
    value = statistic(values, np.ones((1, len(values))))[0]
    return Estimate(value=float(value), low=float(low), high=float(high), n=units)


def _draws(units: int, resamples: int, seed: int, width: int) -> Iterator[np.ndarray]:
    """How often each unit is drawn, shape (b, units), at most `width` resamples at a time."""
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, width):
        rows = min(width, resamples - start)
        drawn = rng.integers(units, size=(rows, units)) + units * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units).astype(float)
