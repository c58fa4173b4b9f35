"""How heed's figures look, whatever they show. Knows nothing of what is measured."""

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.records.handles import Estimate

INK, FAINT, GRID = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, PALE, ORANGE = "#2a7f9e", "#cbd2d9", "#d98032"


def plain(axes: Axes) -> None:
    """Leave of a plot's frame what helps to read it."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def drawn(figure: Figure) -> str:
    """A figure as SVG."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def with_interval(estimate: Estimate) -> str:
    """As 0.612 (0.580 to 0.644)."""
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
