"""Whether pairs that have something in common come from where they would not come from by chance.

Honest users repeat each other too: they ask the same questions and like the same phrases, but not all in one hour, nor
all of them newcomers. Knows nothing of what the pairs have in common.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import binom, poisson

CHANCE = 1e-3  # that anything is found in honest data, over all sets that are looked at
HOUR = "1h"


@dataclass(frozen=True)
class Background:
    """Where pairs come from at all.

    Attributes:
        pairs: `rater`, `hour`, and whether the rater is `new` (null where nobody can tell), shape (n, 3).
    """

    pairs: pl.DataFrame

    @property
    def new(self) -> float:
        """The share of pairs by newcomers."""
        return float(self.pairs["new"].mean() or 0.0)  # type: ignore[arg-type]


def newcomer(known: pl.Series) -> pl.Expr:
    """Whether a pair's rater is none of those known; null where none are to tell by."""
    return ~pl.col("rater").is_in(known.implode()) if len(known) else pl.lit(None, pl.Boolean)


def background(pairs: pl.DataFrame, known: pl.Series) -> Background:
    """Where pairs come from; newcomers are raters who are none of those known."""
    return Background(pairs.select("rater", hour=pl.col("created_at").dt.truncate(HOUR), new=newcomer(known)))


def rushed(sets: pl.DataFrame, there: Background, fewest: int) -> pl.DataFrame:
    """Members of a set that came within one hour, more of them than the hour's share of all pairs.

    Args:
        sets: `set` and `row` (an index into the pairs), one line a member.
        there: where pairs come from.
        fewest: members that make it worth a look.

    Returns:
        `set` and `row` of those in such an hour.
    """
    timed = there.pairs.drop_nulls("hour").height
    share = there.pairs.group_by("hour").agg(share=pl.len() / max(timed, 1))
    told = sets.with_columns(there.pairs["hour"].gather(sets["row"]).alias("hour")).drop_nulls("hour")
    told = told.with_columns(size=pl.len().over("set"), met=pl.len().over("set", "hour"))
    looked_at = told.select("set", "hour").n_unique()
    many = told.filter(pl.col("met") >= fewest).join(share, on="hour", how="left", maintain_order="left")
    tail = binom.sf(many["met"].to_numpy() - 1, many["size"].to_numpy(), many["share"].to_numpy())
    return many.filter(pl.Series(tail * max(looked_at, 1) < CHANCE, dtype=pl.Boolean)).select("set", "row")


def newcomers(sets: pl.DataFrame, there: Background, fewest: int) -> pl.DataFrame:
    """Members of a set that are newcomers', more of them than newcomers' share of all pairs; as `rushed`."""
    told = sets.with_columns(there.pairs["new"].gather(sets["row"]).alias("new")).drop_nulls("new")
    by_set = told.group_by("set").agg(size=pl.len(), met=pl.col("new").sum())
    tail = binom.sf(by_set["met"].to_numpy() - 1.0, by_set["size"].to_numpy(), there.new)
    unlikely = pl.Series(tail * max(by_set.height, 1) < CHANCE, dtype=pl.Boolean) & (by_set["met"] >= fewest)
    return told.filter("new").join(by_set.filter(unlikely), on="set", how="semi").select("set", "row")


def few_hands(sets: pl.DataFrame, there: Background, fewest: int) -> pl.DataFrame:
    """Members of a set from raters who are in it again and again, far more than active raters are anyhow; as `rushed`.

    A set of m members by d raters has m - d repeats; by chance it would have as many as drawing m pairs of all gives.
    """
    named = there.pairs["rater"].gather(sets["row"])
    told = sets.with_columns(named.alias("rater")).drop_nulls("rater")
    told = told.with_columns(again=pl.len().over("set", "rater"))
    by_set = told.group_by("set").agg(size=pl.len(), raters=pl.col("rater").n_unique())
    activity = there.pairs.drop_nulls("rater").group_by("rater").len()["len"].value_counts()
    expected = _expected_repeats(by_set["size"].to_numpy(), activity)
    repeats = (by_set["size"] - by_set["raters"]).to_numpy().astype(float)
    tail = poisson.sf(repeats - 1, expected) * max(by_set.height, 1)
    unlikely = (tail < CHANCE) & (repeats >= 3 * expected) & (repeats * 2 >= by_set["size"].to_numpy())
    found = by_set.filter(pl.Series(unlikely, dtype=pl.Boolean) & (by_set["size"] >= fewest))
    return told.filter(pl.col("again") > 1).join(found, on="set", how="semi").select("set", "row")


def _expected_repeats(sizes: np.ndarray, activity: pl.DataFrame) -> np.ndarray:
    """Repeats among so many pairs drawn of all; `activity` is how many raters (`count`) made how many pairs (`len`)."""
    made, raters = activity["len"].to_numpy().astype(float), activity["count"].to_numpy()
    distinct, inverse = np.unique(sizes, return_inverse=True)
    missed = np.log1p(-np.minimum(made / max((made * raters).sum(), 1), 1 - 1e-12))
    met = -np.expm1(distinct[:, None] * missed[None, :]) @ raters
    return np.asarray(np.maximum(distinct - met, 1e-9)[inverse])
