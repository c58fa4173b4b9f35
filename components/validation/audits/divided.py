"""How divided those who judge are: how many pairs are preferred by a hair. Knows nothing of who judges."""

import numpy as np
from matplotlib.figure import Figure

from components.drawing import BLUE, ORANGE, plain
from components.validation.finding import Finding
from components.validation.material import Material
from components.validation.pairs import enough, share, some, units

BY_A_HAIR = 0.4
"""Strength below which it could as well have been the other: of ten judges not even seven are for the one preferred."""

BARS = 20
ROUNDING = 1e-9


def look(material: Material) -> Finding | None:
    """How many pairs are preferred by a hair; None where all are equally strong, so that nothing is told of it.

    Measures:
        data/divided: the share of pairs with a strength below 0.4.
    """
    pairs = some(material)
    strength, unit = pairs["strength"].to_numpy(), units(pairs)
    if not enough(unit) or np.ptp(strength) == 0:
        return None
    divided = share(strength < BY_A_HAIR, np.ones(len(strength)), unit, material)
    sentence = (
        f"{divided.value:.0%} of pairs are preferred only by a hair (strength below {BY_A_HAIR}; {divided.low:.0%} to "
        f"{divided.high:.0%})."
    )
    return Finding({"data/divided": divided}, sentence, _figure(strength))


def _figure(strength: np.ndarray) -> Figure:
    figure = Figure((6, 3), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(0, 1, BARS + 1)
    shares = np.histogram(strength, edges - ROUNDING)[0] / len(strength)
    shares[-1] += np.mean(strength > 1 - ROUNDING)
    colors = [ORANGE if edge < BY_A_HAIR - ROUNDING else BLUE for edge in edges[:-1]]
    axes.bar(edges[:-1], shares, width=0.9 / BARS, align="edge", color=colors)
    axes.set(xlabel="strength (orange: by a hair)", ylabel="share of pairs", xlim=(0, 1))
    plain(axes)
    return figure
