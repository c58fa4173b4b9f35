"""Stanford Human Preferences (SHP and SHP-2): two comments below a post, and which one its readers voted higher.

https://huggingface.co/datasets/stanfordnlp/SHP, https://arxiv.org/abs/2110.08420
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
    no_time,
    number,
    text,
    time,
)
from components.records.messages import message

TEXTS = ("history", "human_ref_A", "human_ref_B")
SCORES = ("score_A", "score_B")
TIMES = ("created_at_utc_A", "created_at_utc_B")
SPLIT = r"_(train|validation|test)$"


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is two comments below a post."""
    return all(isinstance(row.get(key), str) for key in TEXTS) and "labels" in row


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read pairs of comments into preferences.

    People wrote both answers, so there are no interactions. A vote is a vote: the strength is the share of votes by
    which the preferred comment leads, (a - b) / (a + b). Nobody knows who voted, so there is no rater; the forum is
    the group.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "preferences", shape (n, …): `line`, `row`, `reason`, and where that is null the columns of a preference.
    """
    fields = extract(rows, (*TEXTS, *SCORES, *TIMES, "score_ratio", "labels", "domain"), times=TIMES)
    label, ratio = number("labels"), _ratio()
    first = label == 1
    forum = name("domain").str.replace(SPLIT, "")
    return {
        "preferences": fields.select(
            "line",
            "row",
            prompt=message("user", text("history")),
            chosen=message("assistant", pl.when(first).then(text("human_ref_A")).otherwise(text("human_ref_B"))),
            rejected=message("assistant", pl.when(first).then(text("human_ref_B")).otherwise(text("human_ref_A"))),
            strength=(ratio - 1) / (ratio + 1),
            weight=pl.lit(1.0),
            group=forum,
            source=pl.format("shp/{}", forum),
            created_at=pl.max_horizontal(time(key) for key in TIMES),
            reason=_complaints(label, ratio),
        )
    }


def _ratio() -> pl.Expr:
    """How many times the votes of the lower comment the higher one has, worked out where the row does not say."""
    higher, lower = pl.max_horizontal(number(key) for key in SCORES), pl.min_horizontal(number(key) for key in SCORES)
    return pl.coalesce(number("score_ratio"), pl.when(lower > 0).then(higher / lower))


def _complaints(label: pl.Expr, ratio: pl.Expr) -> pl.Expr:
    malformed = because(
        *(complaint(key) for key in TEXTS for complaint in (missing, no_text)),
        missing("labels"),
        no_number("labels"),
        pl.when(~label.is_in((0.0, 1.0))).then(pl.lit("labels must be 1 (A is preferred) or 0 (B is preferred)")),
        *(no_number(key) for key in (*SCORES, "score_ratio")),
        no_name("domain"),
        *(no_time(key) for key in TIMES),
    )
    unscored = (
        pl.when(ratio.is_null())
        .then(pl.lit("score_ratio is missing, and score_A and score_B do not give it"))
        .when(ratio < 1)
        .then(pl.lit("score_ratio is below 1"))
        .when(ratio == 1)
        .then(pl.lit("a tie: neither answer is preferred"))
    )
    return pl.coalesce(malformed, unscored)
