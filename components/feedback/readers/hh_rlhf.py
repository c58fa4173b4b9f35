"""Anthropic's HH-RLHF: two transcripts of one conversation, the one with the better last answer first.

A transcript is one text of turns that begin "\\n\\nHuman:" or "\\n\\nAssistant:".
https://github.com/anthropics/hh-rlhf
"""

from typing import Any

import polars as pl

from components.feedback.readers.fields import because, extract, missing, no_text, text
from components.records.messages import MESSAGES

SPEAKERS = {"Human:": "user", "Assistant:": "assistant"}
MARK = "\x1d\x1e\x1d"
"""Stands between turns while they are taken apart; three separators in a row are in no text that people write."""


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is a pair of transcripts."""
    texts = (row.get("chosen"), row.get("rejected"))
    return "prompt" not in row and all(isinstance(text, str) and "\n\nAssistant:" in f"\n\n{text}" for text in texts)


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read transcripts into preferences.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "preferences", shape (n, …): `line`, `row`, `reason`, and where that is null the columns of a
        preference.
    """
    fields = extract(rows, ("chosen", "rejected"))
    talks = fields.with_columns(better=_turns(text("chosen")), worse=_turns(text("rejected")))
    spoken = because(*(complaint(key) for key in ("chosen", "rejected") for complaint in (missing, no_text)))
    shaped = because(_malformed("better", "chosen"), _malformed("worse", "rejected"))
    return {
        "preferences": talks.select(
            "line",
            "row",
            prompt=_before_last("better"),
            chosen=pl.col("better").list.tail(1),
            rejected=pl.col("worse").list.tail(1),
            strength=pl.lit(1.0),
            weight=pl.lit(1.0),
            reason=pl.coalesce(spoken, shaped, _not_a_pair()),
        )
    }


def _turns(transcript: pl.Expr) -> pl.Expr:
    """A column of transcripts as messages; what stands before the first turn is a turn without a role."""
    marked = pl.concat_str(pl.lit("\n\n"), transcript.str.strip_chars())
    for opening in SPEAKERS:
        marked = marked.str.replace_all(f"\n\n{opening}", f"{MARK}{opening}", literal=True)
    role, content = pl.lit(None, pl.String), pl.element()
    for opening, speaker in SPEAKERS.items():
        speaks = pl.element().str.starts_with(opening)
        role = pl.when(speaks).then(pl.lit(speaker)).otherwise(role)
        content = pl.when(speaks).then(pl.element().str.strip_prefix(opening)).otherwise(content)
    said = pl.struct(role=role, content=content.str.strip_chars())
    return marked.str.strip_prefix(MARK).str.split(MARK).list.eval(said).cast(MESSAGES)


def _role(turns: str, position: int) -> pl.Expr:
    return pl.col(turns).list.get(position, null_on_oob=True).struct.field("role")


def _said_last(turns: str) -> pl.Expr:
    return pl.col(turns).list.last().struct.field("content")


def _before_last(turns: str) -> pl.Expr:
    return pl.col(turns).list.head(pl.col(turns).list.len().cast(pl.Int64) - 1)


def _malformed(turns: str, key: str) -> pl.Expr:
    """What is wrong with a transcript by itself: the first thing that is."""
    begins = (_role(turns, 0) == "user").fill_null(False)
    return (
        pl.when(~begins)
        .then(pl.lit(f'{key} is not a transcript: it does not begin with "Human:"'))
        .when(_role(turns, -1) != "assistant")
        .then(pl.lit(f"{key} does not end with the assistant"))
        .when(_said_last(turns) == "")
        .then(pl.lit(f"{key} ends with an empty answer"))
    )


def _not_a_pair() -> pl.Expr:
    return (
        pl.when(_before_last("better") != _before_last("worse"))
        .then(pl.lit("chosen and rejected answer different conversations"))
        .when(_said_last("better") == _said_last("worse"))
        .then(pl.lit("chosen and rejected are the same answer"))
    )
