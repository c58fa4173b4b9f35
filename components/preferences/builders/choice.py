"""Two answers were shown and one was taken: the one taken is chosen, the other rejected."""

import polars as pl


def pairs(heard: pl.DataFrame, interactions: pl.DataFrame) -> pl.DataFrame:
    """One pair for each choice whose two interactions are known."""
    passed_over = interactions.select(other="id", rejected="response")
    return (
        heard.filter(pl.col("kind") == "choice")
        .join(passed_over, on="other", maintain_order="left")
        .with_columns(chosen="response", provenance=pl.concat_list("signal"))
    )
