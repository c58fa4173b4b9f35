"""Preferences as comparisons of two answers, as numbers that can be grouped. Knows nothing of who is right."""

import polars as pl

from components.records.messages import text_of


def compared(pairs: pl.DataFrame) -> pl.DataFrame:
    """Which two answers each preference is about, and which of them it prefers.

    Args:
        pairs: records of `Preference`, shape (n,).

    Returns:
        In the same order, shape (n,): `id`, `rater`; `prompt`, a 64-bit number that is the same for the same words;
        `first` and `second`, the same of the two answers, the lower number first; `item`, the same for the same prompt
        and the same two answers; `forward`, whether `first` is preferred.
    """
    chosen, rejected, prompt = (
        text_of(pl.col(name)).fill_null("").str.strip_chars().hash() for name in ("chosen", "rejected", "prompt")
    )
    told = pairs.select("id", "rater", prompt=prompt, chosen=chosen, rejected=rejected)
    return told.select(
        "id",
        "rater",
        "prompt",
        first=pl.min_horizontal("chosen", "rejected"),
        second=pl.max_horizontal("chosen", "rejected"),
        forward=pl.col("chosen") < pl.col("rejected"),
    ).with_columns(item=pl.struct("prompt", "first", "second").hash())
