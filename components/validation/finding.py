"""What an audit finds: numbers with intervals, a plain sentence, a plot, and the rows a person should look at."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from components.records.handles import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUSPECTS: dict[str, pl.DataType] = {"id": pl.String(), "reason": pl.String()}
"""Ids of preferences, and why each of them is suspected; a preference may be suspected for several reasons."""


@dataclass(frozen=True)
class Finding:
    """What one audit has to say.

    Attributes:
        measures: name to number, what matters most first; names are `data/` and what is measured, as
            `data/longer_preferred`. The policy of the data gate speaks of them by these names.
        sentence: what the first of them means, for somebody who knows no statistics, with the number in it.
        figure: the same as a picture, about 6 by 3 inches.
        suspects: the columns of `SUSPECTS`; empty where the finding is about the whole and not about some rows.
    """

    measures: dict[str, Estimate]
    sentence: str
    figure: "Figure"
    suspects: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SUSPECTS))
