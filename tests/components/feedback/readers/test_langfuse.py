"""Traces, observations and scores as Langfuse's public API gives them.

The rows are made after its published schema: https://api.reference.langfuse.com.
"""

from collections.abc import Callable
from typing import Any

import pytest

from components.feedback.readers import Reading


def trace(name: str, asked: Any, answered: Any, second: int, **others: Any) -> dict[str, Any]:
    return {
        "id": name,
        "timestamp": f"2025-01-01T00:00:{second:02}.000Z",
        "name": "chat",
        "input": asked,
        "output": answered,
        "sessionId": "s1",
        "userId": "ada",
        "projectId": "p1",
        "tags": [],
        "observations": [],
        "scores": [],
        **others,
    }


def generation(name: str, of: str, asked: Any, answered: Any, **others: Any) -> dict[str, Any]:
    return {
        "id": name,
        "traceId": of,
        "type": "GENERATION",
        "startTime": "2025-01-01T00:00:30.000Z",
        "model": "gpt-4o",
        "input": asked,
        "output": answered,
        **others,
    }


def score(name: str, of: str | None, value: Any, kind: str, **others: Any) -> dict[str, Any]:
    return {
        "id": f"score of {name} {value} {kind}",
        "traceId": of,
        "name": name,
        "value": value,
        "dataType": kind,
        "source": "API",
        "timestamp": "2025-01-02T00:00:00.000Z",
        **others,
    }


ASKED = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Tea? 🍵"}]}]}
TRACES = [
    trace("t1", ASKED, {"role": "assistant", "content": "Leaves."}, 1, scores=[score("liked", "t1", 1, "BOOLEAN")]),
    trace("t2", "Hot?", "Yes.", 2),
]


def said(frames: dict[str, Any]) -> dict[str, str]:
    return {row["id"]: row["response"][0]["content"] for row in frames["interactions"].iter_rows(named=True)}


def test_traces_are_answers_and_the_next_one_in_the_session_a_followup(read_rows: Callable[..., Reading]) -> None:
    frames = read_rows(*TRACES).frames
    first = frames["interactions"].row(0, named=True)
    assert (first["prompt"][0]["content"], first["user"]) == ("Tea? 🍵", "ada")
    assert frames["feedback"].select("interaction", "kind", "score", "text", "user").rows() == [
        (first["id"], "thumb", 1, None, "ada"),
        (first["id"], "followup", None, "Hot?", "ada"),
    ]


def test_scores_of_every_type_are_heard(read_rows: Callable[..., Reading]) -> None:
    scores = [
        score("helpful", "t2", 0.75, "NUMERIC", source="EVAL", comment="because"),
        score("stars", "t2", 4, "NUMERIC", source="ANNOTATION", authorUserId="bob"),
        score("stars", "t2", 1, "NUMERIC"),
        score("grounded", "t2", 0, "BOOLEAN", source="EVAL"),
        score("topic", "t2", None, "CATEGORICAL", stringValue="too short", comment="by far"),
        score("output", "t2", None, "CORRECTION", stringValue="Yes, very."),
        score("nps", None, 9, "NUMERIC", sessionId="s1"),
        score("liked", "elsewhere", 0, "BOOLEAN"),
    ]
    frames = read_rows(*TRACES, *scores).frames
    names = said(frames)
    heard = frames["feedback"].filter(frames["feedback"]["kind"] != "followup")[1:]
    columns = heard.select("interaction", "kind", "score", "aspect", "text", "user").rows()
    assert [(names.get(about), *rest) for about, *rest in columns] == [
        ("Yes.", "rating", 0.5, "helpful", "because", None),
        ("Yes.", "rating", 0.5, "stars", None, "bob"),
        ("Yes.", "rating", -1, "stars", None, "ada"),
        ("Yes.", "rating", -1, "grounded", None, None),
        ("Yes.", "comment", None, None, "too short\n\nby far", "ada"),
        ("Yes.", "edit", None, None, "Yes, very.", "ada"),
        ("Yes.", "rating", pytest.approx(0.8), "nps", None, "ada"),
        (None, "thumb", -1, None, None, None),
    ]


def test_a_generation_speaks_for_a_trace_that_says_nothing_and_where_it_was_scored(
    read_rows: Callable[..., Reading],
) -> None:
    inside = generation("g1", "t3", [{"role": "user", "content": "Cold?"}], {"role": "assistant", "content": "No."})
    frames = read_rows(
        *TRACES,
        trace("t3", None, None, 3, observations=[inside, {**inside, "id": "x", "type": "SPAN"}]),
        generation("g2", "t2", "the whole prompt", "Yes!"),
        generation("g3", "t2", "not scored", "Hm."),
        score("liked", "t3", 0, "BOOLEAN"),
        score("liked", "t2", 1, "BOOLEAN", observationId="g2"),
    ).frames
    names = said(frames)
    assert sorted(names.values()) == ["Leaves.", "No.", "Yes!", "Yes."]
    thumbs = frames["feedback"].filter(kind="thumb")
    assert {names[about]: score for about, score in thumbs.select("interaction", "score").rows()} == {
        "Leaves.": 1,
        "No.": -1,
        "Yes!": 1,
    }
    models = {names[row["id"]]: (row["model"], row["user"]) for row in frames["interactions"].iter_rows(named=True)}
    assert models["No."] == ("gpt-4o", "ada")


def test_bad_rows_are_told_why(read_rows: Callable[..., Reading]) -> None:
    bad = {
        "input is missing; output is missing": trace("t9", None, None, 9),
        'timestamp is "soon", must be a time as 2026-01-31T12:00:00Z or in seconds since 1970': trace(
            "t9", "a", "b", 9, timestamp="soon"
        ),
        "the score names no trace in this file": score("liked", None, 1, "BOOLEAN"),
        "value is missing": score("liked", "t1", None, "NUMERIC"),
        "name is missing": score("", "t1", 1, "NUMERIC"),
        '"big" is 400.0, and nothing says on which scale': score("big", "t1", 400, "NUMERIC"),
    }
    reading = read_rows(*bad.values(), *TRACES)
    assert reading.problems.select("line", "reason").rows() == list(enumerate(bad, 1))
    assert len(reading.frames["interactions"]) == 2
