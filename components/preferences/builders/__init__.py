"""Ways to set one answer against another. A builder is one file with `pairs`, and one line here."""

from collections.abc import Callable

import polars as pl

from components.preferences.builders import choice, correction, edit, liking, rating, retry

Builder = Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame], pl.DataFrame]
"""Takes what was said, what it amounts to (`evidence.evidence`, `evidence.standings`) and all interactions
(`evidence.keyed`); gives columns of `pairing.CANDIDATE`."""

BUILDERS: dict[str, Builder] = {
    "choice": choice.pairs,
    "edit": edit.pairs,
    "retry": retry.pairs,
    "correction": correction.pairs,
    "rating": rating.pairs,
    "liking": liking.pairs,
}
