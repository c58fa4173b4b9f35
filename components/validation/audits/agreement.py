"""Whether raters who judged the same thing say the same: Krippendorff's alpha, https://doi.org/10.1080/19312450709336664.

1 is full agreement, 0 what chance would bring, below 0 is system. Knows nothing of who is right.
"""

from typing import Literal

import numpy as np
import polars as pl
from krippendorff import alpha
from matplotlib.figure import Figure

from components.bootstrap import estimate
from components.records.handles import Estimate
from components.validation.comparisons import compared
from components.validation.dots import dots
from components.validation.finding import Finding
from components.validation.material import Material

Level = Literal["nominal", "interval"]

FEWEST = 20
"""Items judged by several raters without which nothing is said."""

MOST = 10_000
"""Items that are looked at: of so many alpha is known to two points."""


def look(material: Material) -> Finding | None:
    """How far raters agree, over whatever more than one of them judged; who is not named counts for nothing.

    Measures:
        data/agreement: Krippendorff's alpha of which of two answers is better (nominal), over the same two answers to
            the same prompt.
        data/rating_agreement: the same of ratings and thumbs (interval), over answers and aspects.
    """
    choices, ratings = _choices(material.preferences), _ratings(material.feedback)
    several: dict[str, tuple[pl.DataFrame, Level]] = {
        "data/agreement": (choices, "nominal"),
        "data/rating_agreement": (ratings, "interval"),
    }
    measures = {
        name: found
        for name, (judged, level) in several.items()
        if (found := _alpha(judged, level, material.resamples, material.seed)) is not None
    }
    if not measures:
        return None
    name, first = next(iter(measures.items()))
    about = "which answer is better" if name == "data/agreement" else "how good an answer is"
    sentence = (
        f"Where several raters judged the same, they agree on {about} with an alpha of {first.value:.2f} "
        f"({first.low:.2f} to {first.high:.2f}), where 1 is always and 0 is by chance."
    )
    return Finding(measures, sentence, _figure(measures))


def _choices(pairs: pl.DataFrame) -> pl.DataFrame:
    """The latest vote of each rater on each two answers: `item`, `mirrored`, `value`.

    Which of two answers is called the first is arbitrary, so each vote is told both ways.
    """
    votes = compared(pairs).with_columns(pairs["created_at"]).drop_nulls("rater")
    latest = votes.sort("created_at", maintain_order=True).unique(["item", "rater"], keep="last", maintain_order=True)
    value = pl.col("forward").cast(pl.Float64)
    told = latest.select("item", value=value, mirrored=pl.lit(False))
    return pl.concat([told, told.with_columns(value=1 - pl.col("value"), mirrored=pl.lit(True))])


def _ratings(feedback: pl.DataFrame) -> pl.DataFrame:
    """The latest score each user gave each answer in each respect: `item`, `mirrored`, `value`."""
    scored = feedback.filter(pl.col("kind").is_in(["thumb", "rating"])).drop_nulls(["user", "score"])
    latest = scored.sort("created_at", maintain_order=True).unique(
        ["interaction", "kind", "aspect", "user"], keep="last", maintain_order=True
    )
    item = pl.struct("interaction", "kind", "aspect").hash()
    return latest.select(item=item, value="score", mirrored=pl.lit(False))


def _alpha(judged: pl.DataFrame, level: Level, resamples: int, seed: int) -> Estimate | None:
    """Alpha with its interval over items, None where too few were judged by several or all judgements are the same."""
    each = ["item", "mirrored"]
    several = judged.filter(pl.len().over(each) > 1)
    items = several["item"].unique(maintain_order=True)
    if len(items) < FEWEST or several["value"].n_unique() < 2:
        return None
    if len(items) > MOST:
        several = several.filter(pl.col("item").is_in(items.sample(MOST, seed=seed).implode()))
    value, judges = pl.col("value"), pl.len()
    apart = 2 * (judges * (value**2).sum() - value.sum() ** 2) / (judges - 1)
    units = several.group_by(each, maintain_order=True).agg(
        apart=apart, judges=judges, total=value.sum(), squares=(value**2).sum()
    )
    by_item = units.group_by("item", maintain_order=True).sum().select("apart", "judges", "total", "squares")
    found = estimate(by_item.to_numpy(), resamples=resamples, seed=seed, statistic=_alphas)
    scores, codes = np.unique(several["value"].to_numpy(), return_inverse=True)
    rows = several.select(pl.struct(each).rank("dense") - 1).to_series().to_numpy()
    counts = np.zeros((rows.max() + 1, len(scores)), int)
    np.add.at(counts, (rows, codes), 1)
    exact = float(alpha(value_counts=counts, value_domain=scores.tolist(), level_of_measurement=level))
    return found.model_copy(update={"value": exact})


def _alphas(items: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Alpha in every resample, in the closed form that squared differences allow; of two values they are nominal.

    Args:
        items: how far judgements of each are apart (squared differences of all two, over judges less one), how many
            they are, their sum and the sum of their squares: shape (n, 4).
        counts: how often each was drawn, shape (b, n).
    """
    apart, n, total, squares = (counts @ items).T
    expected = 2 * (n * squares - total**2) / (n - 1)
    agreed: np.ndarray = 1 - apart / np.maximum(expected, 1e-12)
    return agreed


def _figure(measures: dict[str, Estimate]) -> Figure:
    titles = {"data/agreement": "which is better", "data/rating_agreement": "how good it is"}
    return dots({titles[name]: found for name, found in measures.items()}, 0.0, "Krippendorff's alpha (0: by chance)")
