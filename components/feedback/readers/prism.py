"""PRISM: people from many countries talk with several models at once, rate each answer and go on with the best.

Two files: conversations (`conversations.jsonl`, all that was said in `conversation_history`) and answers
(`utterances.jsonl`, one a row, those of a conversation one after the other).
https://huggingface.co/datasets/HannahRoseKirk/prism-alignment, https://arxiv.org/abs/2404.16019
"""

from typing import Any

import polars as pl

from components.feedback.readers.conversations import identified
from components.feedback.readers.fields import (
    because,
    extract,
    given,
    members,
    missing,
    name,
    no_list,
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
from components.records.messages import MESSAGES

HISTORY = "conversation_history"
ROLES = {"user": "user", "model": "assistant"}
OF_A_TURN = ("turn", "role", "content", "model_name", "score", "if_chosen")
OF_A_CONVERSATION = ("user_id", "study_locale", "generated_datetime")
AFTERWARDS = ("open_feedback", "performance_attributes")
PERFORMANCE = (
    "values",
    "fluency",
    "factuality",
    "safety",
    "diversity",
    "creativity",
    "helpfulness",
)
WORST, BEST = 1, 100


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is a conversation or an answer of one."""
    return isinstance(row.get(HISTORY), list) or {"utterance_id", "user_prompt", "model_response"} <= row.keys()


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read answers into interactions, scores into ratings, the answer people went on with into choices.

    Every answer is one, also those nobody went on with; what was said before it are the answers that were chosen. A
    score of 1 to 100 is a rating of -1 to 1, and the chosen answer a choice over each other of its turn. What the user
    says next is a followup about the chosen one. What people say when a conversation is over is about its last chosen
    answer: the open feedback is a comment, each attribute of its performance a rating with that aspect, 0 to 100 as -1
    to 1. The group is the locale of the study where a row has it (it stands in the survey, a file of its own). How much
    each attribute mattered to a choice is left out: it says nothing of an answer.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions" and "feedback": `line`, `row`, `reason`, and where that is null the columns of the record. A
        conversation with anything wrong in it stands among the interactions, with every row it has.
    """
    answered = extract(rows, ("model_response",)).select(given("model_response")).to_series()
    said = pl.concat([_of_conversations(rows.filter(~answered)), _of_answers(rows.filter(answered))])
    unanswered = pl.when(~(pl.col("role") == "assistant").any().over("talk")).then(pl.lit(f"{HISTORY} has no answer"))
    reason = pl.coalesce(pl.col("reason").drop_nulls().first().over("talk"), unanswered)
    torn = said.with_columns(reason=reason).filter(pl.col("reason").is_not_null())
    bad = torn.unique("line", keep="first", maintain_order=True).select("line", "row", "reason")
    answers = identified(_answers(said.join(torn, on="talk", how="anti", maintain_order="left")))
    empty = rows.join(said, on="line", how="anti", maintain_order="left")
    no_history = pl.coalesce(missing(HISTORY), no_list(HISTORY), pl.lit(f"{HISTORY} has no answer"))
    unsaid = extract(empty, (HISTORY,)).select("line", "row", reason=no_history)
    heard = [_ratings(answers), _choices(answers), _followups(answers), _afterwards(answers)]
    columns = ("line", "row", "reason", "source", "interaction", "user", "group", "created_at", "kind")
    told = [
        part.select(*columns, *(key for key in ("score", "aspect", "other", "text") if key in part.columns))
        for part in heard
    ]
    return {
        "interactions": pl.concat([answers, bad, unsaid], how="diagonal"),
        "feedback": pl.concat(told, how="diagonal").sort("line", maintain_order=True),
    }


def _of_conversations(rows: pl.DataFrame) -> pl.DataFrame:
    about = _about(rows).drop("wrong")
    wrong = _about(rows).select("line", about_wrong="wrong")
    turns = extract(members(rows, HISTORY), OF_A_TURN)
    complaint = because(
        missing("turn"),
        no_number("turn"),
        _no_role(),
        missing("content"),
        no_text("content"),
        silent("content"),
        _unscored(),
    )
    told = turns.select(
        "line",
        talk="line",
        turn=number("turn"),
        role=pl.col("role").replace(ROLES),
        content=text("content"),
        model=name("model_name"),
        score=number("score"),
        chosen=pl.col("if_chosen") == "true",
        wrong=pl.format(HISTORY + "[{}]: {}", pl.int_range(pl.len()).over("line"), complaint),
    )
    told = told.join(wrong, on="line", how="left", maintain_order="left").with_columns(
        reason=pl.coalesce("wrong", "about_wrong")
    )
    return told.drop("wrong", "about_wrong").join(about, on="line", how="left", maintain_order="left")


def _of_answers(rows: pl.DataFrame) -> pl.DataFrame:
    keys = ("conversation_id", "turn", "user_prompt", "model_response", "model_name", "score", "if_chosen")
    fields = extract(rows, keys)
    told = [complaint(key) for key in ("user_prompt", "model_response") for complaint in (missing, no_text, silent)]
    answers = fields.select(
        "line",
        talk=pl.col("line").min().over(name("conversation_id").fill_null("")),
        turn=number("turn"),
        role=pl.lit("assistant"),
        content=text("model_response"),
        model=name("model_name"),
        score=number("score"),
        chosen=pl.col("if_chosen").is_in(("true", "1")),
        reason=because(
            unnamed("conversation_id"),
            no_name("conversation_id"),
            missing("turn"),
            no_number("turn"),
            *told,
            _unscored(),
        ),
        asked=text("user_prompt"),
    )
    asked = answers.unique(["talk", "turn"], keep="first", maintain_order=True).with_columns(
        role=pl.lit("user"),
        content="asked",
        model=pl.lit(None, pl.String),
        score=pl.lit(None, pl.Float64),
        chosen=pl.lit(False),
    )
    both = pl.concat([asked, answers]).drop("asked").sort("talk", "turn", maintain_order=True)
    about = _about(rows)
    return both.join(about.drop("wrong"), on="line", how="left", maintain_order="left")


def _about(rows: pl.DataFrame) -> pl.DataFrame:
    """Who talked and when, and what they thought of it afterwards."""
    fields = extract(rows, (*OF_A_CONVERSATION, *AFTERWARDS), times=("generated_datetime",))
    return fields.select(
        "line",
        "row",
        user=name("user_id"),
        group=name("study_locale"),
        created_at=time("generated_datetime"),
        source=pl.lit("prism"),
        opinion=text("open_feedback"),
        performance=pl.when(pl.col("performance_attributes:type") == "OBJECT").then("performance_attributes"),
        wrong=because(
            no_name("user_id"), no_name("study_locale"), no_time("generated_datetime"), no_text("open_feedback")
        ),
    )


def _no_role() -> pl.Expr:
    return pl.when(~pl.col("role").is_in(list(ROLES)).fill_null(False)).then(pl.lit("role must be user or model"))


def _unscored() -> pl.Expr:
    beyond = pl.format("score is {}, must be from 1 to 100", "score")
    return because(no_number("score"), pl.when(~number("score").is_between(WORST, BEST)).then(beyond))


def _answers(said: pl.DataFrame) -> pl.DataFrame:
    """Every answer: `prompt`, `response`, and what the user said `next` to the one that was chosen."""
    spine = said.filter((pl.col("role") == "user") | pl.col("chosen"))
    place = pl.int_range(1, pl.len() + 1).over("talk")
    spine = spine.with_columns(place=place, next=pl.col("content").shift(-1).over("talk"))
    whole = spine.group_by("talk", maintain_order=True).agg(prompt=pl.struct("role", "content"))
    asked = spine.filter(pl.col("role") == "user").select("talk", "turn", "place").unique(["talk", "turn"], keep="last")
    nexts = spine.filter("chosen").select(
        "talk", "turn", "next", chosen=pl.lit(True), last=pl.col("place") == pl.col("place").max().over("talk")
    )
    answers = said.filter(pl.col("role") == "assistant").join(asked, on=["talk", "turn"], maintain_order="left")
    answers = answers.join(whole, on="talk", how="left", maintain_order="left").join(
        nexts.unique(["talk", "turn"], keep="first"), on=["talk", "turn", "chosen"], how="left", maintain_order="left"
    )
    return answers.with_columns(
        prompt=pl.col("prompt").list.head("place").cast(MESSAGES),
        response=pl.concat_list(pl.struct("role", "content")).cast(MESSAGES),
    )


def _ratings(answers: pl.DataFrame) -> pl.DataFrame:
    scored = answers.filter(pl.col("score").is_not_null())
    scale = (2 * pl.col("score") - (WORST + BEST)) / (BEST - WORST)
    return scored.with_columns(interaction="id", kind=pl.lit("rating"), score=scale)


def _choices(answers: pl.DataFrame) -> pl.DataFrame:
    others = answers.filter(~pl.col("chosen")).select("talk", "turn", other="id")
    taken = answers.filter("chosen").drop("score").with_columns(interaction="id", kind=pl.lit("choice"))
    return taken.join(others, on=["talk", "turn"], maintain_order="left").filter(
        pl.col("other") != pl.col("interaction")
    )


def _followups(answers: pl.DataFrame) -> pl.DataFrame:
    said = answers.filter(pl.col("chosen") & pl.col("next").is_not_null()).drop("score")
    return said.with_columns(interaction="id", kind=pl.lit("followup"), text="next")


def _afterwards(answers: pl.DataFrame) -> pl.DataFrame:
    """What the user thought when all was said, about the last answer they had chosen."""
    ends = answers.filter(pl.col("chosen") & pl.col("last")).drop("score").with_columns(interaction="id")
    opinions = ends.filter(pl.col("opinion").str.strip_chars() != "").with_columns(
        kind=pl.lit("comment"), text="opinion"
    )
    rated = ends.filter(pl.col("performance").is_not_null())
    scores = extract(rated.select("line", row="performance"), PERFORMANCE).select(number(key) for key in PERFORMANCE)
    rated = rated.hstack(scores.rename({key: f"of {key}" for key in PERFORMANCE}))
    told = [
        rated.with_columns(kind=pl.lit("rating"), aspect=pl.lit(key), score=pl.col(f"of {key}") / (BEST / 2) - 1)
        for key in PERFORMANCE
    ]
    ratings = pl.concat(told).filter(pl.col("score").is_between(-1, 1))
    return pl.concat([opinions, ratings.drop(f"of {key}" for key in PERFORMANCE)], how="diagonal")
