"""The same user liked one answer to a prompt and disliked another to the same prompt."""

import polars as pl

from components.records.messages import transcript


def pairs(heard: pl.DataFrame, interactions: pl.DataFrame) -> pl.DataFrame:
    """The latest liked answer over the latest disliked one, for each user and prompt that has both."""
    thumbs = heard.filter(pl.col("kind") == "thumb").with_columns(asked=transcript(pl.col("prompt")))
    # Users change their minds, and files need not be in the order of time.
    thumbs = thumbs.sort("created_at", maintain_order=True).unique(
        ["user", "interaction"], keep="last", maintain_order=True
    )
    same = ["asked", "user"]
    liked = thumbs.filter(pl.col("polarity") == "satisfied").unique(same, keep="last", maintain_order=True)
    disliked = thumbs.filter(pl.col("polarity") == "dissatisfied").unique(same, keep="last", maintain_order=True)
    both = liked.join(disliked.select(*same, "response", "signal", "strength"), on=same, maintain_order="left")
    return both.with_columns(
        chosen="response",
        rejected="response_right",
        strength=pl.min_horizontal("strength", "strength_right"),
        provenance=pl.concat_list("signal", "signal_right"),
    )
