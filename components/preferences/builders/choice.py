"""Two answers to one prompt were shown and one was taken: the one taken beats the other."""

import polars as pl


def pairs(said: pl.DataFrame, stood: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """One pair for each choice between two answers to the same prompt; a later one replaces an earlier."""
    choices = said.filter(pl.col("kind") == "choice", pl.col("said") > 0)
    between = [pick("interaction", "other").alias(pick.__name__) for pick in (pl.min_horizontal, pl.max_horizontal)]
    last = pl.struct("who", *between).is_last_distinct()
    taken = known.select("prompt_key", chosen="response", interaction="id")
    passed_over = known.select("prompt_key", rejected="response", other="id")
    return (
        choices.with_columns(own=pl.when(last | pl.col("user").is_null()).then("said").otherwise(0.0))
        .join(taken, on=["interaction", "prompt_key"], maintain_order="left")
        .join(passed_over, on=["other", "prompt_key"], maintain_order="left")
        .with_columns(about="interaction", chosen_id="interaction", rejected_id="other", signals="pro")
    )
