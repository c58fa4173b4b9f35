"""A user rewrote an answer: what they made of it beats what the model said."""

import polars as pl

from components.records.messages import message


def pairs(said: pl.DataFrame, stood: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """One pair for each edit."""
    original = known.select(rejected="response", interaction="id")
    return (
        said.filter(pl.col("kind") == "edit", pl.col("said") < 0)
        .join(original, on="interaction", maintain_order="left")
        .with_columns(
            about="interaction",
            chosen=message("assistant", pl.col("text")),
            chosen_id=pl.lit(None, pl.String),
            rejected_id="interaction",
            own=-pl.col("said"),
            signals="con",
        )
    )
