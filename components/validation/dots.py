"""Draws estimates under each other, each a dot with its interval. Knows nothing of what they are of."""

from matplotlib.figure import Figure

from components.drawing import BLUE, FAINT, GRID, INK, ORANGE, plain
from components.records.handles import Estimate


def dots(named: dict[str, Estimate], middle: float, label: str) -> Figure:
    """A figure with a row for each estimate, the first on top.

    Args:
        named: what each is of, in words, to the estimate.
        middle: where nothing would be seen; intervals that do not hold it are drawn in orange.
        label: what is measured.
    """
    figure = Figure((6, max(1.6, 0.9 + 0.24 * len(named))), layout="constrained")
    axes = figure.subplots()
    for place, found in enumerate(named.values()):
        color = BLUE if found.low <= middle <= found.high else ORANGE
        axes.hlines(-place, found.low, found.high, color=color, linewidth=2)
        axes.plot(found.value, -place, "o", color=color, markersize=5)
    plain(axes)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.axvline(middle, color=FAINT, linestyle=":")
    axes.set_ylim(0.7 - len(named), 0.7)
    axes.set_yticks([-place for place in range(len(named))], list(named))
    axes.set_xlabel(label, color=INK)
    return figure


def shares(named: dict[str, Estimate], label: str) -> Figure:
    """The same for shares, from none to all; half is even."""
    figure = dots(named, 0.5, label)
    figure.axes[0].set_xlim(0, 1)
    return figure
