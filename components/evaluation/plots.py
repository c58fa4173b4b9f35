"""Draws what was measured. Returns matplotlib figures; knows nothing of where they are kept.

Figures are made without pyplot, so drawing needs no display and leaves no state behind.
"""

import textwrap

import numpy as np
import polars as pl
from matplotlib import font_manager
from matplotlib.figure import Figure

from components.drawing import BLUE, FAINT, GRID, INK, ORANGE, PALE, plain, with_interval
from components.evaluation.calibration import EDGES, probability_chosen, reliability
from components.records.handles import Estimate

CHALLENGER, TIE, CHAMPION = BLUE, PALE, ORANGE
SHOWN = 6  # answers that fit on a page and can still be read
GROUPS = 20  # of the largest, that fit below each other
COLUMNS = {"prompt": 26, "champion": 38, "challenger": 38}  # characters a line
LINES = 7


def reliability_diagram(margins: np.ndarray, ece: Estimate) -> Figure:
    """How often the reward model is right against how sure it is, and how many pairs stand behind each bar.

    Args:
        margins: r(chosen) - r(rejected), shape (n,).
        ece: the expected calibration error of those margins.
    """
    bins = reliability(probability_chosen(margins))
    filled = bins.count > 0
    left, width = EDGES[:-1][filled], EDGES[1]
    figure = Figure(figsize=(5.6, 6.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))

    upper.bar(left, bins.accuracy[filled], width, align="edge", color=CHALLENGER, edgecolor="white", label="right")
    gap = bins.confidence[filled] - bins.accuracy[filled]
    upper.bar(
        left,
        gap,
        width,
        bottom=bins.accuracy[filled],
        align="edge",
        color=CHAMPION,
        alpha=0.35,
        edgecolor=CHAMPION,
        hatch="///",
        linewidth=0,
        label="gap to how sure it is",
    )
    upper.plot((0, 1), (0, 1), color=INK, linestyle=(0, (4, 3)), linewidth=1, label="perfectly calibrated")
    upper.set(ylim=(0, 1.02), ylabel="share right")
    upper.legend(loc="upper left", frameon=False, fontsize=9)
    upper.set_title(f"Reward model: ECE {with_interval(ece)}", loc="left", color=INK, fontsize=12)

    bars = lower.bar(left, bins.count[filled], width, align="edge", color=FAINT, edgecolor="white")
    lower.bar_label(bars, fontsize=8, color=INK, padding=1)
    lower.set(xlabel="how sure: probability of the response it prefers", ylabel="pairs", xlim=(0.4, 1.0))
    lower.margins(y=0.25)
    for axes in (upper, lower):
        plain(axes)
    return figure


def win_rate_figure(challenger_wins: np.ndarray, win_rate: Estimate) -> Figure:
    """The win rate with its interval, over how many answers were won, tied and lost.

    Args:
        challenger_wins: 1 won, 0 lost, between them a tie or a judge that changed its mind, shape (n,).
        win_rate: its mean with interval.
    """
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    axes = figure.subplots()
    won, lost = float(np.mean(challenger_wins > 0.5)), float(np.mean(challenger_wins < 0.5))
    start = 0.0
    for share, colour, ink, name in (
        (won, CHALLENGER, "white", "challenger"),
        (1 - won - lost, TIE, INK, "tie"),
        (lost, CHAMPION, "white", "champion"),
    ):
        axes.barh(0, share, left=start, height=0.55, color=colour, edgecolor="white")
        if share > 0.08:
            label = f"{name} {round(share * len(challenger_wins))}"
            axes.text(start + share / 2, 0, label, ha="center", va="center", color=ink, fontsize=9)
        start += share
    beyond = ([win_rate.value - win_rate.low], [win_rate.high - win_rate.value])
    axes.errorbar(win_rate.value, 1, xerr=np.abs(beyond), fmt="o", color=INK, markersize=7, capsize=5, linewidth=1.8)
    axes.axvline(0.5, color=FAINT, linestyle=(0, (4, 3)), linewidth=1, zorder=0)
    axes.set(xlim=(0, 1), ylim=(-0.5, 1.5), yticks=(0, 1), yticklabels=("answers", "win rate"))
    axes.set_title(
        f"Challenger against champion: win rate {with_interval(win_rate)}", loc="left", color=INK, fontsize=12
    )
    plain(axes)
    axes.tick_params(axis="y", length=0)
    return figure


def by_group_figure(measures: dict[str, Estimate], measure: str) -> Figure:
    """A measure for all and for the largest groups, with intervals, the best first.

    Args:
        measures: by name.
        measure: a share; for a group it is called measure/GROUP.
    """
    parts = {
        name.removeprefix(f"{measure}/"): found for name, found in measures.items() if name.startswith(measure + "/")
    }
    largest = sorted(parts, key=lambda name: parts[name].n)[-GROUPS:]
    rows = [(name, parts[name]) for name in sorted(largest, key=lambda name: parts[name].value)]
    rows.append(("all", measures[measure]))
    figure = Figure(figsize=(7.2, 1.2 + 0.34 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for row, (name, found) in enumerate(rows):
        beyond = np.abs([[found.value - found.low], [found.high - found.value]])
        axes.barh(row, found.value, height=0.62, color=CHALLENGER if name == "all" else TIE)
        axes.errorbar(found.value, row, xerr=beyond, color=INK, capsize=3, linewidth=1.4)
    names = [f"{textwrap.shorten(name, 30, placeholder='…')} ({found.n})" for name, found in rows]
    axes.axvline(0.5, color=FAINT, linestyle=(0, (4, 3)), linewidth=1)
    axes.set(xlim=(0, 1), yticks=range(len(rows)))
    axes.set_yticklabels(names, parse_math=False)
    axes.set_title(f"{measure} by group of users", loc="left", color=INK, fontsize=12)
    plain(axes)
    axes.tick_params(axis="y", length=0)
    return figure


def margins_figure(margins: np.ndarray) -> Figure:
    """How far apart the reward model puts chosen and rejected: right of zero it is right.

    Args:
        margins: r(chosen) - r(rejected), shape (n,).
    """
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    axes = figure.subplots()
    furthest = float(np.abs(margins).max()) or 1.0
    edges = np.linspace(-furthest, furthest, 41).tolist()
    axes.hist(margins[margins <= 0], edges, color=CHAMPION, edgecolor="white", label="wrong")
    axes.hist(margins[margins > 0], edges, color=CHALLENGER, edgecolor="white", label="right")
    axes.axvline(0, color=FAINT, linestyle=(0, (4, 3)), linewidth=1)
    axes.set(xlabel="reward of the chosen answer minus that of the rejected one", ylabel="pairs")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    axes.set_title(f"Reward model: right on {np.mean(margins > 0):.0%} of {len(margins)} pairs", loc="left", color=INK)
    plain(axes)
    return figure


def answers_figure(answers: pl.DataFrame) -> Figure:
    """The first few prompts with both answers; the one the judge preferred is in colour.

    Args:
        answers: as `scoring.answers_table` returns them.
    """
    rows = answers.head(SHOWN).to_dicts()
    cells = [{name: _fitted(row[name], width) for name, width in COLUMNS.items()} for row in rows]
    heights = [1 + max(text.count("\n") + 1 for text in cell.values()) for cell in cells]
    figure = Figure(figsize=(7.6, 0.3 + 0.155 * (2 + sum(heights))))
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    axes.set(xlim=(0, sum(COLUMNS.values())), ylim=(2 + sum(heights), 0))
    axes.axis("off")
    lefts = dict(zip(COLUMNS, np.cumsum([0, *COLUMNS.values()]), strict=False))
    for name, left in lefts.items():
        axes.text(left, 0.4, name, va="top", color=INK, fontsize=10, fontweight="bold")
    top = 2.0
    for row, cell, height in zip(rows, cells, heights, strict=True):
        axes.axhline(top - 0.35, color=GRID, linewidth=1)
        for name, left in lefts.items():
            won = row["verdict"] == name
            colour = {"champion": CHAMPION, "challenger": CHALLENGER}[name] if won else INK
            text = ("✓ " if won else "") + cell[name]
            # parse_math: a dollar sign in an answer is a dollar sign
            axes.text(left, top, text, va="top", color=colour, fontsize=8, family="monospace", parse_math=False)
        top += height
    return figure


def _fitted(text: str, width: int) -> str:
    """A text as a few short lines of characters the font can draw."""
    font = font_manager.get_font(font_manager.findfont("monospace"))
    drawable = "".join(c if font.get_char_index(ord(c)) else "□" for c in " ".join(text.split()))
    return "\n".join(textwrap.wrap(drawable, width - 3, max_lines=LINES, placeholder=" …")) or "(nothing)"
