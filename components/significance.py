"""How much evidence a measurement is, and how much more it would take. Knows nothing of what is measured.

By the normal approximation: an interval of 95% is 2 · 1.96 standard errors wide, and they shrink with the root of n.
"""

import math

from scipy.stats import norm

from components.records.handles import Estimate

CHANCE = 0.025  # that a 95% interval lies beyond the truth on a given side
SURE = float(norm.isf(CHANCE))  # standard errors from the middle of a 95% interval to its end
BEST_AT = 500  # units at which an interval that holds at any time is narrowest, beside one that holds once
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


def spent(look: int, chance: float = CHANCE) -> float:
    """The chance of an error that a look at the same thing may take, on one side, for all looks to keep to `chance`.

    The first takes nine tenths, and each later one half of what is left, so that nobody has to say beforehand how many
    there will be. By Bonferroni's inequality that holds however the looks depend on each other.

    Args:
        look: 1 for the first.
        chance: of an error on one side, over all looks.
    """
    return chance * (0.9 if look == 1 else 0.1 * 0.5 ** (look - 1))


def widened(estimate: Estimate, chance: float) -> Estimate:
    """The estimate with an interval that lies beyond the truth with this chance on either side, instead of CHANCE."""
    return _reaching(estimate, float(norm.isf(chance)))


def _reaching(estimate: Estimate, errors: float) -> Estimate:
    """The estimate with an interval that reaches so many standard errors to either side."""
    factor = errors / SURE
    low = estimate.value - (estimate.value - estimate.low) * factor
    return estimate.model_copy(update={"low": low, "high": estimate.value + (estimate.high - estimate.value) * factor})


def at_any_time(estimate: Estimate, chance: float) -> Estimate:
    """The estimate with an interval that never, however often one looks while units come in, lies beyond the truth.

    The asymptotic confidence sequence of https://arxiv.org/abs/2103.06476 (theorem 2.2): for t units, each with the
    standard deviation s, and the error a of both sides together, the interval reaches
    s / t · sqrt(2 (t r² + 1) / r² · log(sqrt(t r² + 1) / a)) to either side; r makes it narrowest at BEST_AT units.

    Args:
        estimate: with the interval that holds for one look; of n units.
        chance: that it ever lies beyond the truth on a given side, over all looks.
    """
    error = 2 * chance
    r2 = (-2 * math.log(error) + math.log(1 - 2 * math.log(error))) / BEST_AT
    spread = estimate.n * r2 + 1
    return _reaching(estimate, math.sqrt(2 * spread / (estimate.n * r2) * math.log(math.sqrt(spread) / error)))


def comparisons(share: Estimate) -> float:
    """As how many yes-or-no answers a share is worth, by its interval; ties, which tell less than a win, make it more.

    Args:
        share: between 0 and 1.
    """
    error = _error(share)
    return share.value * (1 - share.value) / error**2 if error else float(share.n)


def _error(estimate: Estimate) -> float:
    return (estimate.high - estimate.low) / (2 * SURE)
