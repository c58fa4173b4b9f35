"""WildFeedback: conversations from WildChat in which a model found satisfaction, and the preferences made from them.

Two kinds of rows: preferences (`wildfeedback.json`: conversations, chosen, rejected), and annotated utterances
(`sat_dsat_annotation.json`), one a row, the conversations one after the other: each begins with UtteranceId 0.
https://huggingface.co/datasets/microsoft/WildFeedback, https://arxiv.org/abs/2408.15549
"""

from typing import Any

import polars as pl

from components.feedback.readers.conversations import answered, apart, faults, turns_of
from components.feedback.readers.fields import (
    because,
    extract,
    is_text,
    missing,
    no_list,
    no_number,
    no_text,
    number,
    silent,
    text,
)
from components.records.messages import MESSAGES, message

FROM = {"human": "user", "gpt": "assistant", "system": "system"}
ROLES = {"User": "user", "Agent": "assistant"}
PAIR = ("chosen", "rejected")
JUDGE = "gpt-4"
# Whether the judge found it, to what it makes of the answer and where the judge says why; spelt as in the file.
VERDICTS = {
    "Satisfaction": (1.0, "Satisfaction-Justificiation"),
    "Disatisfaction": (-1.0, "Dissatisfaction-Justificiation"),
}
NOBODY = {key: pl.lit(None, pl.String) for key in ("model", "user", "group", "language")}


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is a pair of answers to a conversation of "from" and "value", or an annotated utterance."""
    pair = isinstance(row.get("conversations"), list) and all(key in row for key in PAIR)
    return pair or {"UtteranceId", "Role", "Content"} <= row.keys()


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read conversations into answers and what users said next, pairs into preferences, verdicts into ratings.

    What the judge says of a user's utterance is about the answer before it: 1 for satisfaction, -1 for dissatisfaction,
    both where it found both. It repeats itself on the utterance of the agent that follows, which is left out.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions", "feedback" and "preferences": `line`, `row`, `reason`, and where that is null the columns of
        the record.
    """
    kinds = extract(rows, ("UtteranceId",)).select(pl.col("UtteranceId:type").is_not_null()).to_series()
    paired, annotated = _pairs(rows.filter(~kinds)), _annotated(rows.filter(kinds))
    return {
        "interactions": pl.concat([paired["interactions"], annotated["interactions"]], how="diagonal_relaxed"),
        "feedback": pl.concat([paired["feedback"], annotated["feedback"]], how="diagonal_relaxed"),
        "preferences": paired["preferences"],
    }


def _pairs(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    fields = extract(rows, ("conversations", *PAIR))
    turns = turns_of(rows, "conversations", roles=FROM, names=("from", "value"))
    asked = turns.group_by("line", maintain_order=True).agg(prompt=pl.struct("role", "content"))
    objects = {key: pl.when(pl.col(f"{key}:type") == "OBJECT").then(key) for key in PAIR}
    sides = {key: extract(fields.select("line", row=said), ("value",)) for key, said in objects.items()}
    told = fields.join(asked, on="line", how="left", maintain_order="left").join(
        turns.group_by("line").agg(wrong=pl.col("wrong").drop_nulls().first()), on="line", how="left"
    )
    told = told.sort("line").with_columns(
        pl.when(is_text(key))
        .then(pl.col(key))
        .otherwise(sides[key].select(text("value")).to_series())
        .alias(f"{key} said")
        for key in PAIR
    )
    asks = pl.col("prompt").list.last().struct.field("role") != "assistant"
    reason = because(
        missing("conversations"),
        no_list("conversations"),
        pl.col("wrong"),
        pl.when(pl.col("conversations") == "[]").then(pl.lit("conversations has no message")),
        pl.when(pl.col("wrong").is_null() & ~asks).then(pl.lit("conversations ends with the answer of gpt")),
        *(_unsaid(key) for key in PAIR),
    )
    preferences = told.select(
        "line",
        "row",
        prompt=pl.col("prompt").cast(MESSAGES),
        **{key: message("assistant", pl.col(f"{key} said")) for key in PAIR},
        strength=pl.lit(1.0),
        weight=pl.lit(1.0),
        reason=reason,
    )
    interactions, feedback = apart(turns, _about(preferences.filter(pl.col("reason").is_null())))
    return {"interactions": interactions, "feedback": feedback, "preferences": preferences}


def _unsaid(key: str) -> pl.Expr:
    nothing = pl.col(f"{key} said").fill_null("").str.strip_chars() == ""
    wrong = pl.when(nothing).then(pl.lit(f'{key} is neither a text nor an object with a "value" that says something'))
    return pl.coalesce(missing(key), wrong)


def _annotated(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    reasons = [reason for _, reason in VERDICTS.values()]
    fields = extract(rows, ("UtteranceId", "Role", "Content", *VERDICTS, *reasons))
    role = pl.col("Role").replace_strict(ROLES, default=None, return_dtype=pl.String)
    told = fields.with_columns(
        role=role,
        content=text("Content"),
        reason=because(
            missing("UtteranceId"),
            no_number("UtteranceId"),
            missing("Content"),
            no_text("Content"),
            silent("Content"),
            missing("Role"),
            pl.when(role.is_null()).then(pl.lit("Role must be User or Agent")),
        ),
    )
    # A conversation is called by the line it begins on.
    begins = (number("UtteranceId") == 0).fill_null(False)
    told = told.with_columns(
        own="line", line=pl.when(begins).then("line").forward_fill().fill_null(pl.col("line").min())
    )
    turn = pl.int_range(1, pl.len() + 1).over("line")
    told = told.with_columns(turn=turn, broken=pl.col("own").filter(pl.col("reason").is_not_null()).min().over("line"))
    torn = pl.format("its conversation cannot be read, because of line {}", "broken")
    bad = told.filter(pl.col("broken").is_not_null()).select(line="own", row="row", reason=pl.coalesce("reason", torn))
    turns = answered(told.filter(pl.col("broken").is_null()).with_columns(wrong=pl.lit(None, pl.String)))
    unanswered = faults(turns, "the conversation").filter(pl.col("fault").is_not_null()).rename({"fault": "reason"})
    firsts = turns.unique("line", keep="first", maintain_order=True).select("line", "row")
    silent_talks = firsts.join(unanswered, on="line", maintain_order="left")
    about = _about(firsts.join(unanswered, on="line", how="anti", maintain_order="left"))
    interactions, feedback = apart(turns, about)
    heard = turns.filter((pl.col("role") == "user") & pl.col("answer").is_not_null()).drop("row", "reason")
    ids = interactions.select("line", "answer", "row", "source", interaction="id")
    heard = heard.join(ids, on=["line", "answer"], maintain_order="left")
    ratings = [_verdicts(heard, key, *verdict) for key, verdict in VERDICTS.items()]
    return {
        "interactions": pl.concat([interactions, bad, silent_talks], how="diagonal"),
        "feedback": pl.concat([feedback, *ratings], how="diagonal").sort("line", "turn", maintain_order=True),
    }


def _verdicts(heard: pl.DataFrame, key: str, score: float, why: str) -> pl.DataFrame:
    found = pl.col(key).str.to_lowercase() == "true"
    return heard.filter(found.fill_null(False)).select(
        "line",
        "turn",
        "row",
        "interaction",
        "source",
        kind=pl.lit("rating"),
        score=pl.lit(score),
        text=text(why),
        user=pl.lit(JUDGE),
        reason=pl.lit(None, pl.String),
    )


def _about(conversations: pl.DataFrame) -> pl.DataFrame:
    return conversations.select(
        "line",
        "row",
        **NOBODY,
        source=pl.lit("wildfeedback"),
        created_at=pl.lit(None, pl.Datetime("us", "UTC")),
        reason=pl.lit(None, pl.String),
    )
