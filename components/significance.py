"""How much evidence a measurement is, and how much more it would take. Knows nothing of what is measured.

By the normal approximation: an interval of 95% is 2 · 1.96 standard errors wide, and they shrink with the root of n.
"""

import math

from scipy.stats import norm

from components.records.handles import Estimate

SURE = float(norm.ppf(0.975))  # standard errors from the middle of a 95% interval to its end
FOUND = float(norm.ppf(0.8))  # and as many more, for a difference to be found four times out of five


def detectable(estimate: Estimate) -> float:
    """The smallest difference from a bound that so many units show: its interval clears the bound four times in five.

    Args:
        estimate: what the units show now, in whose unit the difference is.
    """
    return (SURE + FOUND) * _error(estimate)


def needed(estimate: Estimate, bound: float) -> int | None:
    """On how many units a difference as large as this one would be shown four times in five.

    Returns:
        None where it would take more than a thousand times as many: then there is no difference to speak of.
    """
    difference = abs(estimate.value - bound)
    if not difference * math.sqrt(1000) > detectable(estimate):
        return None
    return math.ceil(estimate.n * (detectable(estimate) / difference) ** 2)


def _error(estimate: Estimate) -> float:
    return (estimate.high - estimate.low) / (2 * SURE)
