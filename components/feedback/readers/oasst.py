"""OpenAssistant: trees of messages by volunteers, the answers to one message ranked against each other.

Two exports: trees, one a row, each message with its `replies`; and messages, one a row, each naming its `parent_id`.
https://huggingface.co/datasets/OpenAssistant/oasst1, https://arxiv.org/abs/2304.07327
"""

from typing import Any

import polars as pl

from components.feedback.readers.conversations import identified
from components.feedback.readers.fields import (
    because,
    extract,
    members,
    missing,
    name,
    no_name,
    no_number,
    no_text,
    no_time,
    number,
    silent,
    text,
    time,
    unnamed,
)
from components.feedback.readers.rankings import best_against_rest
from components.records.messages import MESSAGES
from components.records.sql import connection

ROLES = {"prompter": "user", "assistant": "assistant"}
NAMES = ("message_id", "parent_id", "user_id", "lang", "model_name")
KEYS = (*NAMES, "text", "role", "rank", "deleted", "labels", "created_date")
HARMS = (
    "spam",
    "fails_task",
    "lang_mismatch",
    "pii",
    "not_appropriate",
    "hate_speech",
    "sexual_content",
    "toxicity",
    "violence",
    "moral_judgement",
    "political_content",
)
"""The labels of which more is worse."""


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is a tree or a message of one."""
    return _is_tree(row) or ({"message_id", "text"} <= row.keys() and row.get("role") in ROLES)


def _is_tree(row: dict[str, Any]) -> bool:
    return "message_tree_id" in row and isinstance(row.get("prompt"), dict)


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read messages into answers, what prompters said next, labels as ratings, and ranks as preferences.

    An answer's user is who prompted it; its model is null where a volunteer wrote it. A label is the mean of what
    several people said, 0 to 1: a rating by nobody in particular with the label as its aspect, -1 to 1, and 1 to -1 for
    the labels of which more is worse. The first in rank is preferred to each other answer to the same message, as
    strongly as they are apart. Left out are the emojis, and prompts that nobody answered.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions", "feedback" and "preferences": `line`, `row`, `reason`, and where that is null the columns of
        the record. What is wrong with a message stands among the interactions; so do the messages that answer it.
    """
    trees = extract(rows, ("prompt",)).select(pl.col("prompt:type") == "OBJECT").to_series().fill_null(False)
    messages = pl.concat([_of_trees(rows.filter(trees)), _of_messages(rows.filter(~trees))])
    told = _conversations(messages)
    bad = messages.join(told, on="node", how="anti", maintain_order="left")
    orphan = pl.lit("the message it replies to is not in the file, or cannot be read")
    bad = bad.select("line", "row", reason=pl.coalesce("reason", orphan))
    parents = told.select(parent="node", prompt="said", asker="user", parent_role="role")
    replies = told.join(parents, on="parent", maintain_order="left")
    answers = replies.filter((pl.col("role") == "assistant") & (pl.col("parent_role") == "user"))
    unasked = told.filter(pl.col("role") == "assistant").join(answers, on="node", how="anti", maintain_order="left")
    unasked = unasked.select("line", "row", reason=pl.lit("no prompter's message stands before this answer"))
    answers = identified(answers.with_columns(response=pl.col("said").list.tail(1), user="asker"))
    return {
        "interactions": pl.concat([answers, bad, unasked], how="diagonal"),
        "feedback": pl.concat([_followups(replies, answers), _ratings(answers)], how="diagonal"),
        "preferences": _preferences(answers),
    }


def _of_trees(rows: pl.DataFrame) -> pl.DataFrame:
    """The messages of trees, one level of replies after the other."""
    level = extract(rows, ("prompt",)).select("line", row="prompt").with_columns(parent=pl.lit(None, pl.Int64))
    messages, count = [_messages(level.clear(), 0)], 0
    while not level.is_empty():
        told = _messages(level, count)
        messages.append(told)
        count += len(told)
        replies = members(told.select(pl.col("node").alias("line"), "row"), "replies")
        level = replies.select(parent="line", row="row").join(
            told.select("line", parent="node"), on="parent", maintain_order="left"
        )
    found = pl.concat(messages).drop("row")
    return found.join(rows, on="line", how="left", maintain_order="left")


def _of_messages(rows: pl.DataFrame) -> pl.DataFrame:
    """Messages that name what they reply to."""
    told = _messages(rows.with_columns(parent=pl.lit(None, pl.Int64)), -len(rows) - 1)
    first = told.unique("message_id", keep="first").select(parent_id="message_id", known="node")
    named = told.join(first, on="parent_id", how="left", maintain_order="left")
    lost = pl.when(pl.col("parent_id").is_not_null()).then(pl.col("known").fill_null(0))
    return named.with_columns(parent=lost).drop("known").select(_of_trees(rows.clear()).columns)


def _messages(rows: pl.DataFrame, first: int) -> pl.DataFrame:
    """Messages by themselves, each a `node` with a number from `first` on."""
    fields = extract(rows, KEYS, times=("created_date",))
    wrong = because(
        missing("text"),
        no_text("text"),
        silent("text"),
        unnamed("role"),
        *(no_name(key) for key in NAMES),
        pl.when(~pl.col("role").is_in(list(ROLES))).then(pl.lit("role must be prompter or assistant")),
        no_number("rank"),
        no_time("created_date"),
        pl.when(pl.col("deleted") == "true").then(pl.lit("the message is deleted")),
    )
    return fields.select(
        "line",
        "row",
        (pl.int_range(pl.len(), dtype=pl.Int64) + first).alias("node"),
        rows["parent"],
        message_id=name("message_id"),
        parent_id=name("parent_id"),
        role=pl.col("role").replace(ROLES),
        content=text("text"),
        rank=number("rank"),
        labels=pl.when(pl.col("labels:type") == "OBJECT").then("labels"),
        language=name("lang"),
        user=name("user_id"),
        model=name("model_name"),
        source=pl.lit("oasst"),
        created_at=time("created_date"),
        reason=wrong,
    )


def _conversations(messages: pl.DataFrame) -> pl.DataFrame:
    """Sound messages that lead back to a first one, with all that was `said` up to them."""
    sound = messages.filter(pl.col("reason").is_null())
    said = pl.concat_list(pl.struct("role", "content")).cast(MESSAGES)
    level = sound.filter(pl.col("parent").is_null()).with_columns(said=said)
    rest, levels = sound.filter(pl.col("parent").is_not_null()), []
    while not level.is_empty():
        levels.append(level)
        before = level.select(parent="node", before="said")
        level = rest.join(before, on="parent", maintain_order="left")
        level = level.with_columns(said=pl.concat_list("before", said)).drop("before")
    return pl.concat(levels).sort("line", maintain_order=True) if levels else level.with_columns(said=said)


def _followups(replies: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    prompts = replies.filter(pl.col("role") == "user")
    return prompts.join(answers.select(parent="node", interaction="id"), on="parent", maintain_order="left").select(
        "line", "row", "reason", "interaction", "user", "source", "created_at", kind=pl.lit("followup"), text="content"
    )


def _ratings(answers: pl.DataFrame) -> pl.DataFrame:
    """The labels of answers, an object of objects or of lists."""
    with connection() as db:
        db.register("answers", answers.select("node", "labels").drop_nulls().to_arrow())
        labels = db.sql("""
            with told as (
                select node, labels, json_type(labels, '$.name') = 'ARRAY' as listed,
                    case when listed then json_extract_string(labels, '$.name[*]') else json_keys(labels) end as names
                from answers
            ), labelled as (select *, unnest(names) as aspect, unnest(range(len(names))) as place from told)
            select node, aspect, try_cast(case
                when listed then json_extract_string(labels, '$.value[' || place || ']')
                when regexp_full_match(aspect, '\\w+') then json_extract_string(labels, '$.' || aspect || '.value')
            end as double) as value from labelled order by node, place
        """).pl()
    told = labels.filter(pl.col("value").is_between(0, 1)).join(answers, on="node", maintain_order="left")
    good = 2 * pl.col("value") - 1
    return told.select(
        "line",
        "row",
        "reason",
        "source",
        interaction="id",
        kind=pl.lit("rating"),
        score=pl.when(pl.col("aspect").is_in(HARMS)).then(-good).otherwise(good),
        aspect="aspect",
    )


def _preferences(answers: pl.DataFrame) -> pl.DataFrame:
    ranked = answers.filter(pl.col("rank").is_not_null()).select(
        "line", "row", "reason", "parent", "prompt", "rank", "language", "source", "created_at", answer="response"
    )
    widest = (pl.col("rank").max() - pl.col("rank").min()).over("parent")
    return best_against_rest(ranked, "parent", widest).drop("parent", "rank").with_columns(weight=pl.lit(1.0))
