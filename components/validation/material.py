"""What audits and defences look at. Holds records; knows nothing of what is looked for in them."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from components.records.schemas import Feedback, Interaction, Preference, empty


@dataclass(frozen=True)
class Material:
    """A dataset, or a part of it, with what is known about it.

    Attributes:
        preferences: records of `Preference`: what is judged, shape (n, columns).
        interactions: records of `Interaction`.
        feedback: records of `Feedback`; most of it is about those interactions.
        accepted: records of `Preference` of the last accepted version, to compare with; empty where there is none.
        margins: r(chosen) - r(rejected) of several reward heads that have not seen the pair, shape (heads, n); None
            where none were fitted.
        resamples: bootstrap resamples behind every interval.
        seed: of those.
    """

    preferences: pl.DataFrame
    interactions: pl.DataFrame = field(default_factory=lambda: empty(Interaction))
    feedback: pl.DataFrame = field(default_factory=lambda: empty(Feedback))
    accepted: pl.DataFrame = field(default_factory=lambda: empty(Preference))
    margins: np.ndarray | None = None
    resamples: int = 2000
    seed: int = 0
