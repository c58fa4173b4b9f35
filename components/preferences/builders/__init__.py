"""Ways to make a pair out of feedback. A builder is one file with `pairs`, and one line here."""

from collections.abc import Callable

import polars as pl

from components.preferences.builders import choice, edit, thumb

Builder = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]
"""Takes heard feedback (see `building.heard`) and all interactions; gives columns of `Preference`."""

BUILDERS: dict[str, Builder] = {
    "choice": choice.pairs,
    "edit": edit.pairs,
    "thumb": thumb.pairs,
}
