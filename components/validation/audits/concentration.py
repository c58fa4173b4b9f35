"""How much of the data comes from few: users, prompts, languages, sources, days. Knows nothing of what they say."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from scipy.stats import norm

from components.bootstrap import estimate
from components.drawing import BLUE, GRID, INK, PALE, plain
from components.records.handles import Estimate
from components.records.messages import text_of
from components.validation.finding import Finding
from components.validation.material import Material

FEWEST = 20
"""Pairs without which nothing is said, and users or prompts without which nothing is said of how unequal they are."""

MOST = 20_000
"""Users or prompts whose inequality is looked at: of so many it is known to a point."""

UNEQUAL = ("user", "prompt")
"""What there are many of, so that it makes sense to ask how unequal they are."""


def look(material: Material) -> Finding | None:
    """How much of all pairs the largest has of each kind of origin; pairs of unknown origin are left out.

    Measures:
        data/largest_user, _prompt, _language, _source, _day: the share of pairs that the largest of them has. Wilson's
            interval, as for the share of one that was named beforehand.
        data/effective_users, _prompts, _languages, _sources, _days: of how many equally large ones two pairs would be
            from the same as often as they are (inverse Simpson index, https://doi.org/10.1038/163688a0).
        data/gini_user, data/gini_prompt: Gini's coefficient of their numbers of pairs, 0 where all have the same.
    """
    pairs = material.preferences
    origins = pairs.select(
        user="rater",
        prompt=text_of(pl.col("prompt")).hash(),
        language="language",
        source="source",
        day=pl.col("created_at").dt.date(),
    )
    sizes = {name: np.sort(origins[name].drop_nulls().value_counts()["count"].to_numpy()) for name in origins.columns}
    known = {name: counts.astype(float) for name, counts in sizes.items() if counts.sum() >= FEWEST}
    if not known:
        return None
    largest = {name: _largest(counts) for name, counts in known.items()}
    measures = {f"data/largest_{name}": found for name, found in largest.items()}
    measures |= {f"data/effective_{name}s": _effective(counts) for name, counts in known.items()}
    measures |= {
        f"data/gini_{name}": _gini(known[name], material)
        for name in UNEQUAL
        if name in known and len(known[name]) >= FEWEST
    }
    name = next(iter(known))
    first, equal = largest[name], measures[f"data/effective_{name}s"].value
    sentence = f"All pairs are of one {name}."
    if len(known[name]) > 1:
        sentence = (
            f"The largest {name} has {first.value:.1%} of pairs ({first.low:.1%} to {first.high:.1%}); the "
            f"{len(known[name]):,} {name}s there are count as {equal:,.0f} equal ones."
        )
    return Finding(measures, sentence, _figure(known, largest))


def _largest(counts: np.ndarray) -> Estimate:
    n, share, z = counts.sum(), counts[-1] / counts.sum(), norm.ppf(0.975)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((share + z**2 / (2 * n) + side * half) / (1 + z**2 / n) for side in (-1, 1))
    return Estimate(value=float(share), low=float(low), high=float(high), n=int(n))


def _effective(counts: np.ndarray) -> Estimate:
    """One over the probability that two pairs are from the same, whose error is that of a U-statistic."""
    n = counts.sum()
    share = counts / n
    same = float((share**2).sum())
    spread = max(float((share**3).sum() - same**2), 0.0)
    error = np.sqrt(2 * (2 * (n - 2) * spread + same * (1 - same)) / (n * (n - 1)))
    half = norm.ppf(0.975) * error
    low, high = (1 / np.clip(same + side * half, 1 / len(counts), 1.0) for side in (1, -1))
    return Estimate(value=1 / same, low=float(low), high=float(high), n=int(n))


def _gini(counts: np.ndarray, material: Material) -> Estimate:
    draw = np.random.default_rng(material.seed)
    some = np.sort(draw.permutation(counts)[:MOST])
    return estimate(some, resamples=material.resamples, seed=material.seed, statistic=_ginis)


def _ginis(counts: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Gini's coefficient in every resample, of sizes in rising order, shape (n,)."""
    people = drawn.cumsum(axis=1)
    # Each is larger than half of those of its own size that were drawn with it.
    below = people - drawn / 2
    n = people[:, -1]
    ginis: np.ndarray = 2 * ((drawn * below) @ counts) / (n * (drawn @ counts)) - 1
    return ginis


def _figure(known: dict[str, np.ndarray], largest: dict[str, Estimate]) -> Figure:
    figure = Figure((6, 0.9 + 0.35 * len(known)), layout="constrained")
    axes = figure.subplots()
    for place, found in enumerate(largest.values()):
        axes.barh(-place, found.value, height=0.5, color=PALE)
        axes.hlines(-place, found.low, found.high, color=BLUE, linewidth=2)
        axes.plot(found.value, -place, "o", color=BLUE, markersize=4)
    plain(axes)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_xlim(0, 1.02)
    axes.set_yticks([-place for place in range(len(known))], [f"{name} (of {len(known[name]):,})" for name in known])
    axes.set_xlabel("share of pairs that the largest has", color=INK)
    return figure
