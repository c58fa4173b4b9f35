"""The same user liked one answer to a prompt and disliked another to the same prompt, all they said considered."""

import polars as pl


def pairs(said: pl.DataFrame, stood: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Each liked answer over the latest disliked one, and the latest liked one over each disliked.

    So each answer is in a pair, and the pairs are as many as the answers, not as their product.
    """
    opinions = stood.filter(pl.col("user").is_not_null()).sort("created_at", maintain_order=True)
    liked, disliked = opinions.filter(pl.col("liked") > 0), opinions.filter(pl.col("liked") < 0)
    same = ["who", "prompt_key"]
    columns = [*same, "interaction", "created_at"]
    last_liked, last_disliked = (
        side.select(columns).unique(same, keep="last", maintain_order=True) for side in (liked, disliked)
    )
    met = pl.concat(
        [
            liked.select(columns).join(last_disliked, on=same, maintain_order="left"),
            last_liked.join(disliked.select(columns), on=same, maintain_order="left"),
        ]
    ).unique([*same, "interaction", "interaction_right"], maintain_order=True)
    return between(met, known)


def between(met: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Set answers against each other for which nothing speaks but what was said of each.

    Args:
        met: `who`, `interaction` (the better), `interaction_right` (the other, to the same prompt), and `created_at`
            and `created_at_right`, when each was spoken of last.
        known: interactions as `evidence.keyed` gives them.
    """
    better = known.select(chosen="response", interaction="id")
    worse = known.select(rejected="response", interaction_right="id")
    return (
        met.join(better, on="interaction", maintain_order="left")
        .join(worse, on="interaction_right", maintain_order="left")
        .with_columns(
            about="interaction",
            chosen_id="interaction",
            rejected_id="interaction_right",
            own=pl.lit(0.0),
            signals=pl.lit([], dtype=pl.List(pl.String)),
            position=pl.lit(None, pl.Int64),
            created_at=pl.max_horizontal("created_at", "created_at_right"),
        )
    )
