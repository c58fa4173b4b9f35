"""A user rewrote an answer: what they made of it is chosen, what the model said is rejected."""

import polars as pl

from components.records.messages import message


def pairs(heard: pl.DataFrame, interactions: pl.DataFrame) -> pl.DataFrame:
    """One pair for each edit that changed something."""
    return heard.filter(pl.col("kind") == "edit").with_columns(
        chosen=message("assistant", pl.col("text")), rejected="response", provenance=pl.concat_list("signal")
    )
