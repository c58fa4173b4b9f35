"""Chatbot Arena: two models answer one user, who votes for one of them, for both alike, or against both.

Conversations are lists of messages (lmsys/chatbot_arena_conversations, lmarena-ai/arena-human-preference-100k and
-140k) or, in lmsys/lmsys-arena-human-preference-55k, lists of prompts and responses, written as JSON inside a text.
https://huggingface.co/datasets/lmsys/chatbot_arena_conversations, https://arxiv.org/abs/2403.04132
"""

from typing import Any

import polars as pl

from components.feedback.readers.fields import (
    because,
    extract,
    given,
    missing,
    name,
    no_name,
    no_time,
    time,
    unnamed,
)
from components.feedback.readers.message_lists import message_lists, no_conversation
from components.feedback.readers.votes import SIDES, voted
from components.records.messages import MESSAGES
from components.records.sql import connection

CONVERSATIONS = ("conversation_a", "conversation_b")
RESPONSES = ("response_a", "response_b")
WINNERS = {
    "model_a": "a",
    "model_b": "b",
    "tie": "tie",
    "tie (bothbad)": "neither",
    "both_bad": "neither",
    "bothbad": "neither",
}
COLUMNS = {"winner_model_a": "a", "winner_model_b": "b", "winner_tie": "tie"}
TRUE = ("1", "1.0", "true")
NAMES = ("model_a", "model_b", "judge", "evaluation_session_id", "language")
TIMES = ("tstamp", "timestamp")


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is a vote between two conversations, or two lists of responses."""
    answered = any(all(row.get(key) for key in pair) for pair in (CONVERSATIONS, RESPONSES))
    return answered and "model_a" in row and ("winner" in row or "winner_model_a" in row)


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read votes into interactions and feedback.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions" and "feedback": `line`, `row`, `reason`, and where that is null the columns of the record. See
        `votes.voted` for what becomes of a vote. The user is the judge, or else the session, which only one person can
        be in.
    """
    keys = (*CONVERSATIONS, "prompt", *RESPONSES, "winner", *COLUMNS, *NAMES, *TIMES)
    fields = extract(rows, keys, times=TIMES)
    paired = pl.any_horizontal(given(key) for key in ("prompt", *RESPONSES))
    listed = fields.select(given(CONVERSATIONS[0]) | given(CONVERSATIONS[1]) | ~paired).to_series()
    sides = {
        side: message_lists(rows, key).zip_with(listed, _paired(rows, response))
        for side, key, response in zip(SIDES, CONVERSATIONS, RESPONSES, strict=True)
    }
    told = fields.with_columns(listed=listed, **sides).with_columns(
        *(name(key).alias(key) for key in ("model_a", "model_b", "language")),
        user=pl.coalesce(name("judge"), name("evaluation_session_id")),
        group=pl.lit(None, pl.String),
        created_at=pl.coalesce(time(key) for key in TIMES),
        verdict=verdict_of("winner").fill_null(_marked()),
        reason=_complaints(),
    )
    return voted(told, "arena")


def verdict_of(key: str) -> pl.Expr:
    """What a winner's name says, as `votes.voted` takes it; null where it is none of the known ones."""
    return name(key).replace_strict(WINNERS, default=None, return_dtype=pl.String)


def no_verdict(key: str) -> pl.Expr:
    """Why a winner that is given is none."""
    unknown = pl.format('{} is "{}", must be one of {}', pl.lit(key), name(key), pl.lit(", ".join(WINNERS)))
    return pl.coalesce(no_name(key), pl.when(name(key).is_not_null() & verdict_of(key).is_null()).then(unknown))


def _marked() -> pl.Expr:
    """The verdict of the one winner column that is 1."""
    told = pl.lit(None, pl.String)
    for key, verdict in COLUMNS.items():
        told = pl.when(_is_true(key)).then(pl.lit(verdict)).otherwise(told)
    return pl.when(pl.sum_horizontal(_is_true(key).cast(pl.Int8) for key in COLUMNS) == 1).then(told)


def _is_true(key: str) -> pl.Expr:
    return pl.col(key).str.to_lowercase().is_in(TRUE).fill_null(False)


def _paired(rows: pl.DataFrame, response: str) -> pl.Series:
    """Prompts and responses, lists or lists as JSON in a text, as messages in turn; null where they do not pair up."""

    def texts(key: str) -> str:
        inside = (
            f"case json_type(row, '$.{key}') when 'VARCHAR' then row->>'$.{key}' else (row->'$.{key}')::varchar end"
        )
        kind = f"case when json_valid({inside}) then json_type({inside}) end"
        return f"case when {kind} = 'ARRAY' then json_extract_string({inside}, '$[*]') end"

    with connection() as db:
        db.register("rows", rows.select("row").with_row_index("order").to_arrow())
        told = db.sql(f"""
            with lists as (select "order", {texts("prompt")} as asked, {texts(response)} as told from rows)
            select "order", case when len(asked) = len(told) then flatten(list_transform(range(len(asked)), lambda i: [
                {{role: 'user', content: asked[i + 1]}}, {{role: 'assistant', content: told[i + 1]}}
            ])) end as said from lists
        """).pl()
    return told.sort("order")["said"].cast(MESSAGES)


def _complaints() -> pl.Expr:
    """All that is wrong with a vote."""
    marks = pl.any_horizontal(given(key) for key in COLUMNS)
    unmarked = pl.when(_marked().is_null()).then(pl.lit(f"exactly one of {', '.join(COLUMNS)} must be 1"))
    return because(
        pl.when(~pl.col("listed")).then(missing("prompt")),
        *(
            pl.when("listed").then(no_conversation(pl.col(side), key)).otherwise(_unpaired(pl.col(side), response))
            for side, key, response in zip(SIDES, CONVERSATIONS, RESPONSES, strict=True)
        ),
        no_verdict("winner"),
        pl.when(~given("winner")).then(pl.when(marks).then(unmarked).otherwise(unnamed("winner"))),
        *(no_name(key) for key in NAMES),
        *(no_time(key) for key in TIMES),
    )


def _unpaired(said: pl.Expr, response: str) -> pl.Expr:
    """Why prompts and responses make no conversation."""
    unlike = pl.lit(f"prompt and {response} are not two lists of the same length")
    content = pl.element().struct.field("content").fill_null("").str.strip_chars()
    return (
        pl.when(said.is_null())
        .then(pl.coalesce(missing(response), pl.when(given("prompt")).then(unlike)))
        .when(said.list.len() == 0)
        .then(pl.lit("prompt is an empty list"))
        .when(said.list.eval(content == "").list.any())
        .then(pl.lit(f"prompt or {response} has a text that is missing or says nothing"))
    )
