"""Takes conversations apart: into answers after all that was said before, and what users said next. Knows no format.

An answer is what the assistant says, its tools between, until somebody else speaks. One that nobody asked for, as a
greeting before the user's first turn, is part of the conversation and no answer.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import polars as pl

from components.feedback.readers.fields import because, extract, members, missing, name, no_name, no_text, text, unnamed
from components.records.messages import MESSAGES
from components.records.schemas import Interaction, as_records

ANSWERS = pl.col("role").is_in(("assistant", "tool")).fill_null(False)
ASKS = (pl.col("role") == "user").fill_null(False)
OF_A_TURN = ("model", "user", "group", "language", "created_at")
BLOCK = 50_000
"""How many turns are taken apart at once: a prompt begins as a copy of its whole conversation."""


def turns_of(
    rows: pl.DataFrame,
    key: str,
    others: Sequence[str] = (),
    times: Sequence[str] = (),
    roles: Mapping[str, str] = MappingProxyType({}),
    names: tuple[str, str] = ("role", "content"),
) -> pl.DataFrame:
    """The turns of a list of messages in every row.

    Args:
        rows: `line` and `row` (the text of a JSON object).
        key: the list's.
        others: what else to take of each message, as `extract` does; `times` those of them that hold a time.
        roles: what the format calls a role that is called otherwise here.
        names: what a message calls its role and its content.

    Returns:
        What `answered` gives of `line`, `turn`, `role`, `content`, `wrong` (what is wrong with the message by itself),
        and what `extract` gives of the others; nothing for a row without the list.
    """
    role, content = names
    fields = extract(members(rows, key), (*names, *others), times=times)
    wrong = because(unnamed(role), no_name(role), missing(content), no_text(content))
    turns = fields.with_columns(
        turn=pl.int_range(1, pl.len() + 1).over("line"),
        role=name(role).replace(roles),
        content=text(content),
        wrong=pl.format(key + "[{}]: {}", pl.int_range(pl.len()).over("line"), wrong),
    )
    return answered(turns.drop("row"))


def faults(turns: pl.DataFrame, key: str) -> pl.DataFrame:
    """The first thing that is wrong with each conversation: `line`, `fault`, null where nothing is."""
    unanswered = pl.when(pl.col("answer").is_null().all()).then(pl.lit(f"{key} has no answer to a user"))
    return turns.group_by("line", maintain_order=True).agg(
        fault=pl.coalesce(pl.col("wrong").drop_nulls().first(), unanswered)
    )


def apart(turns: pl.DataFrame, about: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take conversations apart into records.

    Args:
        turns: what `turns_of` gives; where they have `created_at`, `language`, `user`, `group` or `model`, what a turn
            says goes before what its conversation says.
        about: `line`, `row`, `reason`, `model`, `user`, `group`, `language`, `source`, `created_at` of conversations;
            those that are not here are left out.

    Returns:
        Interactions with their ids and `answer`, and followups with `answer`, in order.
    """
    of_turns = [key for key in OF_A_TURN if key in turns.columns]

    def beside(part: pl.DataFrame, place: str) -> pl.DataFrame:
        own = turns.select("line", pl.col("turn").alias(place), *(pl.col(key).alias(f"own {key}") for key in of_turns))
        told = part.join(about, on="line", maintain_order="left").join(
            own, on=["line", place], how="left", maintain_order="left"
        )
        first = (pl.coalesce(f"own {key}", key).alias(key) for key in of_turns)
        return told.with_columns(first).drop(f"own {key}" for key in of_turns)

    interactions = identified(beside(answers(turns), "answer"))
    named = interactions.select("line", "answer", interaction="id")
    heard = beside(followups(turns), "turn").join(named, on=["line", "answer"], maintain_order="left")
    return interactions, heard


def answered(turns: pl.DataFrame) -> pl.DataFrame:
    """Say which answer each turn is part of or follows.

    Args:
        turns: `line`, `turn`, `role`, in order, shape (n, …).

    Returns:
        The same with `answer`: the turn with which the latest answer of the conversation begins, null before the first.
    """
    asked = ASKS.cum_max().over("line")
    goes_on = ANSWERS.shift(1, fill_value=False).over("line")
    begins = ANSWERS & asked & ~goes_on
    return turns.with_columns(answer=pl.when(begins).then("turn").forward_fill().over("line"))


def answers(turns: pl.DataFrame) -> pl.DataFrame:
    """Every answer of every conversation, in order.

    Args:
        turns: what `answered` gives, with `content`; every turn of a conversation.

    Returns:
        `line`, `answer`, `prompt`, `response`.
    """
    said = turns.select("line", "turn", "answer", "role", message=pl.struct("role", "content"))
    found = (
        said.filter(ANSWERS & pl.col("answer").is_not_null())
        .group_by("line", "answer", maintain_order=True)
        .agg(response=pl.col("message"))
        .with_columns(pl.col("response").cast(MESSAGES))
    )
    conversations = said.group_by("line", maintain_order=True).agg(prompt=pl.col("message"))

    def prompts(block: pl.DataFrame) -> pl.DataFrame:
        whole = block.select("line", "answer").join(conversations, on="line", how="left", maintain_order="left")
        return whole.select(pl.col("prompt").list.head(pl.col("answer") - 1).cast(MESSAGES))

    return found.with_columns(in_blocks(found, prompts))


def followups(turns: pl.DataFrame, *others: str) -> pl.DataFrame:
    """What users said after an answer, in order: `line`, `answer`, `turn`, `kind`, `text`, and the others."""
    blank = pl.col("content").fill_null("").str.strip_chars() == ""
    heard = turns.filter(ASKS & pl.col("answer").is_not_null() & ~blank)
    return heard.select("line", "answer", "turn", *others, kind=pl.lit("followup"), text="content")


def identified(interactions: pl.DataFrame) -> pl.DataFrame:
    """Give interactions the ids they will land with, so that feedback can name them. They need their `source`."""
    return interactions.with_columns(id=as_records(interactions, Interaction)["id"])


def said_next(interactions: pl.DataFrame, session: str) -> pl.DataFrame:
    """What users said next where every call is a row of its own: the last words of the next prompt in the session.

    Args:
        interactions: with ids and `created_at`.
        session: the column that names the session; where it is null, nothing follows.

    Returns:
        One followup for each interaction that another by the user follows: `line`, `row`, `interaction`, `kind`,
        `text`, `user`, `group`, `source`, `created_at`, `reason`.
    """
    asked = pl.col("prompt").list.last()
    told = interactions.drop_nulls(session).sort(session, "created_at", maintain_order=True)
    nexts = told.select(
        "line",
        "row",
        "source",
        interaction="id",
        kind=pl.lit("followup"),
        speaker=asked.struct.field("role").shift(-1).over(session),
        text=asked.struct.field("content").shift(-1).over(session),
        user=pl.col("user").shift(-1).over(session),
        group=pl.col("group").shift(-1).over(session),
        created_at=pl.col("created_at").shift(-1).over(session),
        reason=pl.lit(None, pl.String),
    )
    return nexts.filter(pl.col("speaker") == "user").drop("speaker").sort("line", maintain_order=True)


def in_blocks(frame: pl.DataFrame, work: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """Do something to a long frame piece by piece, so that what it takes meanwhile is small."""
    return pl.concat([work(frame.slice(start, BLOCK)) for start in range(0, max(1, len(frame)), BLOCK)])
