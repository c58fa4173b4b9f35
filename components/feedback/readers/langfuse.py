"""Langfuse: traces, their observations, and the scores people and programs gave them, as its public API exports them.

A file may hold any of the three, in any order: scores also inside the trace they are about.
https://langfuse.com/docs/api-and-data-platform/features/public-api, https://langfuse.com/docs/evaluation/overview
"""

from typing import Any

import polars as pl

from components.feedback.readers.conversations import said_next
from components.feedback.readers.fields import (
    because,
    extract,
    given,
    members,
    missing,
    name,
    no_name,
    no_time,
    text,
    time,
    unnamed,
)
from components.feedback.readers.payloads import spoken
from components.feedback.readers.scores import NUMBERS, heard, ids_of

CALLS = ("id", "traceId", "type", "userId", "sessionId", "model", "input", "output", "timestamp", "startTime")
SCORES = (
    *("id", "traceId", "observationId", "sessionId", "name", "value", "stringValue", "dataType", "source"),
    *("comment", "authorUserId", "timestamp"),
)
WORDS = ("CATEGORICAL", "TEXT", "CORRECTION")
"""The types of scores whose value is in `stringValue`."""


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is a trace, an observation or a score."""
    keys = row.keys()
    score = "dataType" in keys and "name" in keys and not keys.isdisjoint(("traceId", "sessionId"))
    observation = {"traceId", "type", "startTime"} <= keys
    trace = {"id", "input", "output", "timestamp"} <= keys and not keys.isdisjoint(("userId", "sessionId", "projectId"))
    return score or observation or trace


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read calls into interactions, scores into feedback.

    A trace with an input and an output is one interaction; one without is told by its last generation. Any other
    generation is an interaction only where a score is about it. A boolean score is a thumb, or a rating where an
    evaluation gave it; a number is a rating with the score's name as aspect (see `scores.heard` for its scale); a
    correction is an edit; other words are a comment. A score of a session is about its last trace in the file. What the
    user asks next in the session is a followup.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions" and "feedback": `line`, `row`, `reason`, and where that is null the columns of the record.
    """
    kinds = extract(rows, ("dataType", "traceId")).select(
        score=given("dataType"), observation=given("traceId") & ~given("dataType")
    )
    apart = rows.filter(~kinds["score"] & ~kinds["observation"])
    observations = pl.concat([_inside(apart, "observations"), rows.filter(kinds["observation"])])
    calls = _calls(pl.concat([apart, observations]))
    traces, generations = calls.head(len(apart)), calls.slice(len(apart))
    generations = generations.filter(pl.col("type") == "GENERATION").sort("created_at", maintain_order=True)
    scores = _scores(pl.concat([_inside(apart, "scores"), rows.filter(kinds["score"])]))
    whole = traces.filter(pl.col("reason").is_null())
    last = generations.join(whole, on="trace", how="anti", maintain_order="left")
    last = last.filter(pl.col("reason").is_null()).unique("trace", keep="last", maintain_order=True)
    scored = generations.join(scores.select(call="observation"), on="call", how="semi", maintain_order="left")
    told = pl.concat([whole, last, scored.join(last, on="call", how="anti", maintain_order="left")])
    unsaid = traces.filter(pl.col("reason").is_not_null()).join(last, on="trace", how="anti", maintain_order="left")
    about = traces.select("trace", session_of="session", user_of="user")
    told = told.join(about.unique("trace"), on="trace", how="left", maintain_order="left").with_columns(
        session=pl.coalesce("session", "session_of"), user=pl.coalesce("user", "user_of")
    )
    interactions = pl.concat([told, unsaid], how="diagonal").sort("line", maintain_order=True)
    whole_calls = pl.concat([whole, last]).select("call")
    told = interactions.join(whole_calls, on="call", how="semi", maintain_order="left")
    feedback, followups = _feedback(scores, told), said_next(told, "session")
    return {
        "interactions": interactions,
        "feedback": pl.concat([feedback, followups], how="diagonal").sort("line", maintain_order=True),
    }


def _inside(traces: pl.DataFrame, key: str) -> pl.DataFrame:
    """The whole observations or scores inside traces; where there are only their ids, nothing."""
    found = members(traces, key).select("line", "row")
    return found.filter(pl.col("row").str.starts_with("{"))


def _calls(rows: pl.DataFrame) -> pl.DataFrame:
    """Traces or observations as interactions; `call` is the id of either, `trace` of the trace it is or is part of."""
    fields = extract(rows, CALLS, times=("timestamp", "startTime"))
    told = fields.with_columns(
        prompt=spoken(fields["input"], "user"),
        response=spoken(fields["output"], "assistant"),
    )
    return told.select(
        "line",
        "row",
        "prompt",
        "response",
        "type",
        id=ids_of(fields.select(name("id")).to_series()),
        call=name("id"),
        trace=pl.coalesce(name("traceId"), name("id")),
        session=name("sessionId"),
        model=name("model"),
        user=name("userId"),
        group=pl.lit(None, pl.String),
        source=pl.lit("langfuse"),
        created_at=pl.coalesce(time("timestamp"), time("startTime")),
        reason=because(
            unnamed("id"),
            *(missing(key) for key in ("input", "output")),
            *(no_name(key) for key in ("id", "traceId", "sessionId", "userId", "model")),
            *(no_time(key) for key in ("timestamp", "startTime")),
        ),
    )


def _scores(rows: pl.DataFrame) -> pl.DataFrame:
    fields = extract(rows, SCORES, times=("timestamp",))
    in_words = pl.col("dataType").is_in(WORDS)
    boolean = pl.col("dataType") == "BOOLEAN"
    number = pl.col("value:type").is_in(NUMBERS)
    yes = pl.when(pl.col("value").cast(pl.Float64, strict=False) != 0).then(pl.lit("true")).otherwise(pl.lit("false"))
    value = pl.when(in_words).then(text("stringValue")).when(boolean & number).then(yes).otherwise("value")
    kind = pl.when(in_words).then(pl.lit("VARCHAR")).when(boolean).then(pl.lit("BOOLEAN")).otherwise("value:type")
    return fields.select(
        "line",
        "row",
        id=ids_of(fields.select(name("id")).to_series()),
        observation=name("observationId"),
        trace=name("traceId"),
        session=name("sessionId"),
        author=name("authorUserId"),
        correction=pl.col("dataType") == "CORRECTION",
        group=pl.lit(None, pl.String),
        source=pl.lit("langfuse"),
        created_at=time("timestamp"),
        name=name("name"),
        value=value,
        type=kind,
        low=pl.lit(None, pl.Float64),
        high=pl.lit(None, pl.Float64),
        person=pl.col("source").ne_missing("EVAL"),
        text=text("comment"),
        reason=because(
            unnamed("name"),
            *(no_name(key) for key in ("id", "name", "traceId", "observationId", "sessionId", "authorUserId")),
            pl.when(value.is_null()).then(pl.lit("value is missing")),
            no_time("timestamp"),
        ),
    )


def _feedback(scores: pl.DataFrame, traces: pl.DataFrame) -> pl.DataFrame:
    """What scores say of the calls they name: an observation, or else a trace, or else the last of a session."""
    latest = traces.sort("created_at", maintain_order=True)
    traces = latest.unique("trace", keep="last").select("trace", of_trace="id", asker="user")
    sessions = latest.drop_nulls("session").unique("session", keep="last", maintain_order=True)
    sessions = sessions.select("session", of_session="id", talker="user")
    told = scores.with_columns(named_call=ids_of(scores["observation"]), named_trace=ids_of(scores["trace"]))
    told = told.join(traces, on="trace", how="left", maintain_order="left")
    told = told.join(sessions, on="session", how="left", maintain_order="left")
    interaction = pl.coalesce("named_call", "of_trace", "named_trace", "of_session")
    told = told.with_columns(
        interaction=interaction, user=pl.coalesce("author", pl.when("person").then(pl.coalesce("asker", "talker")))
    ).with_columns(
        reason=pl.coalesce(
            "reason", pl.when(pl.col("interaction").is_null()).then(pl.lit("the score names no trace in this file"))
        )
    )
    judged = heard(told.filter(~pl.col("correction").fill_null(False)))
    edits = (
        told.filter("correction")
        .with_columns(kind=pl.lit("edit"), text="value")
        .select("line", "row", "id", "interaction", "user", "group", "source", "created_at", "kind", "text", "reason")
    )
    return pl.concat([judged, edits], how="diagonal")
