"""Search Arena: two models that search the web answer one user, who may vote.

https://huggingface.co/datasets/lmarena-ai/search-arena-24k, https://arxiv.org/abs/2506.05334
"""

from typing import Any

import polars as pl

from components.feedback.readers.arena import no_verdict, verdict_of
from components.feedback.readers.fields import (
    because,
    extract,
    name,
    no_name,
    no_time,
    time,
)
from components.feedback.readers.message_lists import message_lists, no_conversation
from components.feedback.readers.votes import SIDES, voted

MESSAGES = ("messages_a", "messages_b")
NAMES = ("model_a", "model_b", "judge", "language")


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is two searching models' conversations."""
    return all(isinstance(row.get(key), list) for key in MESSAGES) and "model_a" in row and "winner" in row


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read conversations and votes into interactions and feedback.

    About half of the conversations have no vote (`winner` is null): their answers are read all the same. Several
    languages of one conversation become one text, "English, French"; the country a user votes from is their group.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions" and "feedback": `line`, `row`, `reason`, and where that is null the columns of the record. See
        `votes.voted` for what becomes of a vote.
    """
    fields = extract(rows, (*MESSAGES, "winner", "languages", *NAMES, "timestamp"), times=("timestamp",))
    talks = fields.with_columns(**{side: message_lists(rows, key) for side, key in zip(SIDES, MESSAGES, strict=True)})
    told = talks.with_columns(
        model_a=name("model_a"),
        model_b=name("model_b"),
        user=name("judge"),
        group=_country(rows),
        language=pl.coalesce(name("language"), _languages()),
        created_at=time("timestamp"),
        verdict=verdict_of("winner"),
        reason=_complaints(),
    )
    return voted(told, "search-arena")


def _languages() -> pl.Expr:
    named = pl.col("languages").str.extract_all(r'"[^"]+"').list.eval(pl.element().str.strip_chars('"'))
    return pl.when((pl.col("languages:type") == "ARRAY") & (named.list.len() > 0)).then(named.list.join(", "))


def _country(rows: pl.DataFrame) -> pl.Series:
    """Where the user is, as the metadata of the first model's side says; null where it does not."""
    metadata = extract(rows, ("system_a_metadata",))
    told = metadata.select("line", row=pl.when(pl.col("system_a_metadata:type") == "OBJECT").then("system_a_metadata"))
    return extract(told, ("client_country",)).select(name("client_country")).to_series()


def _complaints() -> pl.Expr:
    return because(
        *(no_conversation(pl.col(side), key) for side, key in zip(SIDES, MESSAGES, strict=True)),
        no_verdict("winner"),
        *(no_name(key) for key in NAMES),
        no_time("timestamp"),
    )
