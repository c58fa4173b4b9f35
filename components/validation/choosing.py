"""Which differences between two answers go with being preferred: logistic regression on pairs.

Knows nothing of what the differences are. Chosen minus rejected is always a win, so there is no intercept.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from components.records.handles import Estimate

STEPS = 50
SMALL = 1e-6


@dataclass(frozen=True)
class Fit:
    """How much each difference weighs.

    Attributes:
        weights: log-odds of being preferred that one unit of each difference adds, shape (k,).
        influence: how far each unit moved each weight, shape (units, k); the units in the order of their numbers.
    """

    weights: np.ndarray
    influence: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """Standard errors, those of a bootstrap over units of so smooth a thing: shape (k,)."""
        return spread(self.influence)

    def estimate(self, column: int) -> Estimate:
        """One weight with its interval."""
        weight, half = float(self.weights[column]), float(norm.ppf(0.975) * self.errors[column])
        return Estimate(value=weight, low=weight - half, high=weight + half, n=len(self.influence))


def spread(influence: np.ndarray) -> np.ndarray:
    """The standard error of weights that units moved so far, shape (k,), from shape (units, k).

    Pairs of one unit count as dependent: https://doi.org/10.1093/biomet/73.1.13, with clusters; what the fit owes to
    having as many weights is put back.
    """
    count, weights = influence.shape
    return np.sqrt((influence**2).sum(0) * count / max(1, count - weights))


def fit(differences: np.ndarray, counts: np.ndarray, unit: np.ndarray) -> Fit:
    """Fit weights by Newton's method, held back as if by one pair that says nothing of each.

    Args:
        differences: chosen minus rejected, shape (n, k), in units that compare.
        counts: how much each pair counts, shape (n,), as its strength.
        unit: which pairs depend on each other, shape (n,), as `pairs.units` gives it.
    """
    weights = np.zeros(differences.shape[1])
    for _ in range(STEPS):
        surprise = counts * expit(-differences @ weights)
        certain = surprise * expit(differences @ weights)
        bend = (differences * certain[:, None]).T @ differences + np.eye(len(weights))
        step = np.linalg.solve(bend, differences.T @ surprise - weights)
        weights += step
        if np.abs(step).max() < SMALL:
            break
    moved = np.linalg.solve(bend, (differences * surprise[:, None]).T)
    place = np.unique(unit, return_inverse=True)[1]
    return Fit(weights, np.column_stack([np.bincount(place, weights=each) for each in moved]))
