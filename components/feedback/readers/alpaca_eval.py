"""AlpacaEval annotations: two models answer an instruction, and a judge says which answer is better, and how surely.

https://github.com/tatsu-lab/alpaca_eval, https://arxiv.org/abs/2404.04475
"""

from typing import Any

import polars as pl

from components.feedback.readers.fields import (
    because,
    extract,
    missing,
    name,
    no_name,
    no_number,
    no_text,
    number,
    silent,
    text,
)
from components.feedback.readers.votes import graded
from components.records.messages import message

TEXTS = ("instruction", "output_1", "output_2")
NAMES = ("generator_1", "generator_2", "annotator")
TIE = 1.5


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is a judged pair of outputs."""
    return all(isinstance(row.get(key), str) for key in TEXTS) and "preference" in row


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read annotations into interactions and preferences by the annotator.

    `preference` runs from 1 (the first is better) over 1.5 (a tie, as is 0 in older files) to 2; the strength is its
    distance from 1.5, as a share of the largest. Null is none: the judge gave no answer that could be read. The first
    output is the reference model's; the judge saw the two in an order that was drawn and is not told.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions", "feedback" (of ties) and "preferences": `line`, `row`, `reason`, and where that is null the
        columns of the record.
    """
    fields = extract(rows, (*TEXTS, *NAMES, "preference"))
    grade = number("preference").replace(0.0, TIE)
    pairs = fields.select(
        "line",
        "row",
        prompt=message("user", text("instruction")),
        a=message("assistant", text("output_1")),
        b=message("assistant", text("output_2")),
        model_a=name("generator_1"),
        model_b=name("generator_2"),
        language=pl.lit(None, pl.String),
        reason=because(
            *(complaint(key) for key in TEXTS for complaint in (missing, no_text, silent)),
            *(no_name(key) for key in NAMES),
            missing("preference"),
            no_number("preference"),
            pl.when(~grade.is_between(1, 2)).then(
                pl.format("preference is {}, must be from 1 to 2", pl.col("preference"))
            ),
        ),
    )
    grades = fields.select(
        "line",
        user=name("annotator"),
        margin=(TIE - grade) * 2,
        text=pl.lit(None, pl.String),
        say_a=pl.lit(None, pl.String),
        say_b=pl.lit(None, pl.String),
        reason=pl.lit(None, pl.String),
    )
    return graded(pairs, grades, "alpaca-eval", as_shown=False)
