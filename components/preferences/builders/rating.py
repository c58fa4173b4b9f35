"""The same user rated several answers to a prompt: the best rated beats each one rated lower."""

import polars as pl

from components.preferences.builders.liking import between
from components.preferences.evidence import gathered


def pairs(said: pl.DataFrame, stood: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The best of a user's rated answers to a prompt over each of the others; of equals, the latest is the best.

    An answer rated by aspect has the mean of its ratings.
    """
    rated = (
        said.filter(
            pl.col("kind") == "rating",
            ~pl.col("replaced"),
            pl.col("user").is_not_null(),
            pl.col("prompt_key").is_not_null(),
        )
        .group_by("who", "prompt_key", "interaction", maintain_order=True)
        .agg(pl.col("score").mean(), pl.col("created_at").max(), signals=gathered(pl.concat_list("pro", "con")))
        .drop_nulls("score")
    )
    same = ["who", "prompt_key"]
    best = rated.sort("score", maintain_order=True).unique(same, keep="last", maintain_order=True)
    met = best.join(rated, on=same, maintain_order="left").filter(pl.col("score") > pl.col("score_right"))
    signals = pl.concat_list("signals", "signals_right").list.drop_nulls()
    return between(met, known).with_columns(signals=signals)
