"""What audits and defences look at. Holds records; knows nothing of what is looked for in them."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from components.records.schemas import Feedback, Interaction, Preference, empty

WITHIN = "10m"
AT_A_TIME = 1_000_000  # acts that are put in order together


def busiest(acts: pl.DataFrame) -> pl.DataFrame:
    """The busiest ten minutes of everybody.

    Args:
        acts: `rater` and `at`, an act a row.

    Returns:
        `rater`, and the `most` that each did in ten minutes.
    """
    told = acts.drop_nulls()
    place = pl.col("rater").hash() % (1 + told.height // AT_A_TIME)
    some = [told.filter(place == number) for number in range(1 + told.height // AT_A_TIME)]
    return pl.concat([_busiest(part) for part in some])


def _busiest(acts: pl.DataFrame) -> pl.DataFrame:
    counted = acts.sort("rater", "at").rolling("at", period=WITHIN, group_by="rater").agg(most=pl.len())
    return counted.group_by("rater").agg(pl.col("most").max())


@dataclass(frozen=True)
class Material:
    """A dataset, or a part of it, with what is known about it.

    Attributes:
        preferences: records of `Preference`: what is judged, shape (n, columns).
        interactions: records of `Interaction`.
        feedback: records of `Feedback`; most of it is about those interactions.
        accepted: records of `Preference` of the last accepted version, or some of them, to compare with; empty where
            there is none.
        raters: everybody who has a pair in that version; None where `accepted` is all of it.
        busy: `rater` and `most`, as `busiest` gives them of all feedback that lands with this; None where `feedback` is
            all of it.
        margins: r(chosen) - r(rejected) of several reward heads that have not seen the pair, shape (heads, n); None
            where none were fitted.
        resamples: bootstrap resamples behind every interval.
        seed: of those.
    """

    preferences: pl.DataFrame
    interactions: pl.DataFrame = field(default_factory=lambda: empty(Interaction))
    feedback: pl.DataFrame = field(default_factory=lambda: empty(Feedback))
    accepted: pl.DataFrame = field(default_factory=lambda: empty(Preference))
    raters: pl.Series | None = None
    busy: pl.DataFrame | None = None
    margins: np.ndarray | None = None
    resamples: int = 2000
    seed: int = 0

    @property
    def known(self) -> pl.Series:
        """Everybody who has a pair in the last accepted version, shape (n,)."""
        return (self.accepted["rater"] if self.raters is None else self.raters).drop_nulls().unique()
