"""HelpSteer3-Preference: pairs of answers in a conversation, with what each of up to three annotators says of them.

https://huggingface.co/datasets/nvidia/HelpSteer3, https://arxiv.org/abs/2505.11475
"""

from typing import Any

import polars as pl

from components.feedback.readers.fields import (
    because,
    extract,
    members,
    missing,
    name,
    no_list,
    no_name,
    no_number,
    no_text,
    number,
    silent,
    text,
)
from components.feedback.readers.message_lists import message_lists, no_prompt
from components.feedback.readers.votes import graded
from components.records.messages import message

RESPONSES = ("response1", "response2")
SAID = ("reasoning", "feedback1", "feedback2")
STRONGEST = 3


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is a conversation, two answers and preferences."""
    return {"context", *RESPONSES} <= row.keys() and not row.keys().isdisjoint(
        ("overall_preference", "individual_preference")
    )


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read annotations into interactions, preferences, and comments about the answers.

    Every annotator's preference is one, by "rater-1", "rater-2", … in the order of the row: places, not people. The
    strength is theirs, from 1 (slightly better) to 3 (much better), out of 3. What they say of an answer is a comment
    about it. Where a row has only the overall preference, that is read, with no rater.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions", "feedback" and "preferences": `line`, `row`, `reason`, and where that is null the columns of
        the record.
    """
    fields = extract(rows, ("context", *RESPONSES, "language", "overall_preference", "individual_preference"))
    told = fields.with_columns(said=message_lists(rows, "context"))
    pairs = told.select(
        "line",
        "row",
        prompt="said",
        a=message("assistant", text("response1")),
        b=message("assistant", text("response2")),
        model_a=pl.lit(None, pl.String),
        model_b=pl.lit(None, pl.String),
        language=name("language"),
        reason=_complaints(),
    )
    return graded(pairs, _grades(fields), "helpsteer3", as_shown=True)


def _grades(fields: pl.DataFrame) -> pl.DataFrame:
    annotators = extract(members(fields, "individual_preference"), ("score", *SAID))
    annotators = annotators.with_columns(place=pl.int_range(1, pl.len() + 1).over("line"))
    overall = fields.join(annotators, on="line", how="anti", maintain_order="left")
    reasoning, *says = (text(key) for key in SAID)
    wrong = because(_no_score("score"), *(no_text(key) for key in SAID))
    return pl.concat(
        [
            annotators.select(
                "line",
                user=pl.format("rater-{}", "place"),
                margin=-number("score") / STRONGEST,
                text=reasoning,
                say_a=says[0],
                say_b=says[1],
                reason=pl.format("individual_preference[{}]: {}", pl.col("place") - 1, wrong),
            ),
            overall.select(
                "line",
                margin=-number("overall_preference") / STRONGEST,
                reason=_no_score("overall_preference"),
            ),
        ],
        how="diagonal",
    )


def _no_score(key: str) -> pl.Expr:
    beyond = pl.format(f"{key} is {{}}, must be from -{STRONGEST} to {STRONGEST}", pl.col(key))
    return because(missing(key), no_number(key), pl.when(~number(key).is_between(-STRONGEST, STRONGEST)).then(beyond))


def _complaints() -> pl.Expr:
    asked = pl.col("said")
    unlisted = pl.coalesce(missing("context"), pl.lit("context is not a list of messages"))
    return because(
        pl.when(asked.is_null()).then(unlisted).otherwise(no_prompt(asked, "context")),
        *(complaint(key) for key in RESPONSES for complaint in (missing, no_text, silent)),
        no_name("language"),
        no_list("individual_preference"),
    )
