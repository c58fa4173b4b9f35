"""Nectar: seven answers to one prompt, put in order by GPT-4.

https://huggingface.co/datasets/berkeley-nest/Nectar
"""

from typing import Any

import polars as pl

from components.feedback.readers.fields import (
    because,
    extract,
    members,
    missing,
    no_list,
    no_number,
    no_text,
    number,
    text,
)
from components.feedback.readers.message_lists import no_prompt
from components.feedback.readers.rankings import best_against_rest
from components.feedback.readers.transcripts import turns
from components.records.messages import message

SPEAKERS = {"\n\nHuman:": "user", "\n\nAssistant:": "assistant"}
RATER = "gpt-4"


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is a transcript and its ranked answers."""
    answers = row.get("answers")
    first = answers[0] if isinstance(answers, list) and answers else None
    return isinstance(row.get("prompt"), str) and isinstance(first, dict) and first.keys() >= {"answer", "rank"}


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read rankings into preferences: the best answer against each of the others (see `rankings`).

    The strength of a pair is the distance of the two ranks, as a share of the distance between the first place and the
    last.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "preferences": `line`, `row`, `reason`, and where that is null the columns of a preference. A ranking with
        anything wrong in it is one row.
    """
    fields = extract(rows, ("prompt", "answers"))
    said = turns(pl.concat_str(pl.lit("\n\n"), text("prompt").str.strip_chars()), SPEAKERS)
    asked = fields.with_columns(said=said).with_columns(
        open=pl.col("said").list.last() == {"role": "assistant", "content": ""},
        asked=pl.col("said").list.head(pl.col("said").list.len().cast(pl.Int64) - 1),
    )
    answers = _answers(rows)
    ranked = answers.group_by("line").agg(
        pl.col("wrong").drop_nulls().first(), count=pl.len(), ranks=pl.col("rank").n_unique()
    )
    told = asked.join(ranked, on="line", how="left", maintain_order="left").with_columns(reason=_complaints())
    bad = told.filter(pl.col("reason").is_not_null()).select("line", "row", "reason")
    # Without the row, which six pairs would repeat: it is wanted only beside a reason.
    sound = told.filter(pl.col("reason").is_null()).select("line", "reason", prompt="asked")
    pairs = best_against_rest(sound.join(answers, on="line", maintain_order="left"), "line", pl.len().over("line") - 1)
    preferences = pairs.with_columns(weight=pl.lit(1.0), rater=pl.lit(RATER))
    return {"preferences": pl.concat([preferences, bad], how="diagonal").sort("line", maintain_order=True)}


def _answers(rows: pl.DataFrame) -> pl.DataFrame:
    told = extract(members(rows, "answers"), ("answer", "rank"))
    told = told.with_columns(place=pl.int_range(pl.len()).over("line"))
    wrong = because(missing("answer"), no_text("answer"), missing("rank"), no_number("rank"))
    return told.select(
        "line",
        rank=number("rank"),
        answer=message("assistant", text("answer")),
        wrong=pl.format("answers[{}]: {}", "place", wrong),
    )


def _complaints() -> pl.Expr:
    malformed = because(missing("prompt"), no_text("prompt"), missing("answers"), no_list("answers"), pl.col("wrong"))
    shaped = (
        pl.when(pl.col("said").list.first().struct.field("role").is_null())
        .then(pl.lit('prompt is not a transcript: it does not begin with "Human:"'))
        .when(~pl.col("open"))
        .then(pl.lit('prompt does not end with "Assistant:"'))
    )
    ranked = (
        pl.when(pl.col("count").fill_null(0) < 2)
        .then(pl.lit("answers has fewer than two answers"))
        .when(pl.col("ranks") == 1)
        .then(pl.lit("a tie: neither answer is preferred"))
    )
    return pl.coalesce(malformed, shaped, no_prompt(pl.col("asked"), "prompt"), ranked)
