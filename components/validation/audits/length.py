"""Whether the longer answer wins because it is longer: length bias, https://arxiv.org/abs/2404.04475."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from components.drawing import BLUE, FAINT, plain
from components.records.messages import transcript
from components.validation.choosing import fit
from components.validation.finding import Finding
from components.validation.material import Material
from components.validation.pairs import answers, enough, ratio, share, some, units

ALIKE = 1.1
"""Lengths of which one is not even so many times the other are the same to somebody who reads."""

CLEAR = 0.5
"""Strength from which on it is clear which answer is preferred."""

NOTHING = 1e-9

STEPS = {"1.1 to 1.5": (1.1, 1.5), "1.5 to 2": (1.5, 2.0), "2 to 4": (2.0, 4.0), "over 4": (4.0, np.inf)}
"""How many times as long as the other the longer answer is, as the figure shows it."""


def look(material: Material) -> Finding | None:
    """How often the longer answer is preferred, and how much longer makes it so.

    Measures:
        data/longer_preferred: the share of clear pairs of unlike lengths in which the longer answer is preferred.
        data/length_slope: of the log-odds of being preferred over the log of how many times as long an answer is as the
            other to the same prompt; a pair counts by its strength.
        data/length_gain: what twice the length adds to the probability of being preferred, among answers to one prompt
            that were set beside the same other answer.
    """
    pairs = some(material)
    chosen, rejected = (answers(pairs, side).str.len_chars().to_numpy() for side in ("chosen", "rejected"))
    longer = np.log(chosen / rejected)  # no answer is empty, by contract
    strength, unit = pairs["strength"].to_numpy(), units(pairs)
    unlike = (np.abs(longer) >= np.log(ALIKE)) & (strength >= CLEAR)
    if not enough(unit[unlike]):
        return None
    preferred = share((longer > 0) & unlike, unlike, unit, material)
    slope = fit(longer[:, None], strength, unit).estimate(0)
    measures = {"data/longer_preferred": preferred, "data/length_slope": slope}
    above, below, prompt = _beside_the_same(pairs, longer)
    if enough(prompt):
        measures["data/length_gain"] = ratio(above, below, prompt, material)
    sentence = (
        f"Where two answers are of unlike length and one is clearly preferred, it is the longer one in "
        f"{preferred.value:.0%} of pairs ({preferred.low:.0%} to {preferred.high:.0%})."
    )
    return Finding(measures, sentence, _figure(np.exp(longer), unlike, unit, material))


def _beside_the_same(pairs: pl.DataFrame, longer: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The slope of preference over length within answers that met the same opponent, as two sums.

    Which model is better has no part in it where the opponents are, as in AlpacaEval, one model's.

    Returns:
        Covariances and variances whose ratio is the gain in probability by doubling, and their prompts, shapes (m,).
    """
    prompt, *sides = (transcript(pl.col(name)).hash() for name in ("prompt", "chosen", "rejected"))
    told = pairs.select("strength", prompt=prompt, chosen=sides[0], rejected=sides[1]).with_columns(
        longer=longer / np.log(2)
    )
    won = told.select("prompt", "longer", opponent="rejected", won=pl.col("strength") / 2)
    lost = told.select("prompt", -pl.col("longer"), opponent="chosen", won=-pl.col("strength") / 2)
    same = ["prompt", "opponent"]
    apart = pl.concat([won, lost]).select(
        "prompt", *((pl.col(name) - pl.col(name).mean().over(same)).alias(name) for name in ("longer", "won"))
    )
    compared = apart.filter(pl.col("longer").abs() > NOTHING)
    longer_by, won_by = compared["longer"], compared["won"]
    return (longer_by * won_by).to_numpy(), (longer_by**2).to_numpy(), compared["prompt"].to_numpy()


def _figure(times: np.ndarray, unlike: np.ndarray, unit: np.ndarray, material: Material) -> Figure:
    figure = Figure((6, 3), layout="constrained")
    axes = figure.subplots()
    apart = np.maximum(times, 1 / times)
    for place, (low, high) in enumerate(STEPS.values()):
        among = unlike & (apart >= low) & (apart < high)
        if not enough(unit[among]):
            continue
        found = share((times > 1) & among, among, unit, material)
        axes.vlines(place, found.low, found.high, color=BLUE, linewidth=2)
        axes.plot(place, found.value, "o", color=BLUE)
        axes.annotate(f"{found.n:,}", (place, 0.02), ha="center", color=FAINT, fontsize=8)
    axes.axhline(0.5, color=FAINT, linestyle=":")
    axes.set(ylim=(0, 1), xlim=(-0.5, len(STEPS) - 0.5), ylabel="longer is preferred")
    axes.set_xlabel("times as long as the other (below: how many prompts)")
    axes.set_xticks(range(len(STEPS)), list(STEPS))
    plain(axes)
    return figure
