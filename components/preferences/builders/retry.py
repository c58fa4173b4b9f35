"""A user asked for another answer until they were content: the last answer beats the ones before it."""

import polars as pl

LONGEST = 64  # answers in one row of retries that is followed to its end


def pairs(said: pl.DataFrame, stood: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The answer that ended the retries over each that was sent back.

    What took the place of an answer is what the feedback says (`other`); else the next answer to the same prompt for
    the same user. No pair is made where the last answer was disliked too; where nobody said that it pleased, the user
    may just have given up, so the retry says half as much.
    """
    sent_back = said.filter(pl.col("kind") == "regenerate", pl.col("said") < 0, pl.col("prompt_key").is_not_null())
    ends = _ends(sent_back, known)
    opinions = stood.select("who", "liked", end="interaction")
    rejected = known.select(rejected="response", interaction="id")
    chosen = known.select("prompt_key", chosen="response", end="id")
    return (
        sent_back.join(ends, on=["who", "interaction"], maintain_order="left")
        .join(opinions, on=["who", "end"], how="left", maintain_order="left")
        .filter(pl.col("liked").fill_null(0.0) >= 0)
        .join(rejected, on="interaction", maintain_order="left")
        .join(chosen, on=["end", "prompt_key"], maintain_order="left")
        .with_columns(
            about="interaction",
            chosen_id="end",
            rejected_id="interaction",
            signals="con",
            own=pl.when(pl.col("liked") > 0).then(-pl.col("said")).otherwise(-pl.col("said") / 2),
        )
    )


def _ends(sent_back: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """For each answer sent back the one that was kept in the end: `who`, `interaction`, `end`."""
    named = sent_back.join(_following(sent_back, known), on="interaction", how="left", maintain_order="left")
    steps = named.select("who", "interaction", end=pl.coalesce("other", "following")).unique(
        ["who", "interaction"], keep="last", maintain_order=True
    )
    leaps = steps.rename({"interaction": "end", "end": "further"})
    for _ in range(LONGEST.bit_length() - 1):  # each round leaps twice as far as the one before
        steps = steps.join(leaps, on=["who", "end"], how="left", maintain_order="left").select(
            "who", "interaction", end=pl.coalesce("further", "end")
        )
        leaps = steps.rename({"interaction": "end", "end": "further"})
    # An end that was sent back is none: the retries go round in a circle, or nothing followed the last.
    return steps.drop_nulls("end").join(leaps, on=["who", "end"], how="anti", maintain_order="left")


def _following(sent_back: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The next answer to the same prompt for the same user: `interaction`, `following` (null where there is none)."""
    run = ["user", "prompt_key"]
    asked_again = (
        known.select("id", "created_at", *run)
        .drop_nulls(["user", "created_at"])
        .join(sent_back.select("prompt_key").unique(), on="prompt_key", how="semi", maintain_order="left")
        .sort("created_at", maintain_order=True)
    )
    later = pl.col("created_at").shift(-1).over(run) > pl.col("created_at")
    return asked_again.select(interaction="id", following=pl.when(later).then(pl.col("id").shift(-1).over(run)))
