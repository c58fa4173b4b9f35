"""heed's own lines."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from components.feedback.readers import Reading

ASKED = {"type": "interaction", "id": "q-1", "prompt": "How do I bake bread?", "response": "Mix flour and water."}
A_TIME = "must be a time as 2026-01-31T12:00:00Z or in seconds since 1970"
OWN = "0123456789abcdef0123456789abcdef"


def test_an_interaction_and_what_was_done_about_it_find_each_other(read_rows: Callable[..., Reading]) -> None:
    reading = read_rows(
        ASKED,
        {
            **ASKED,
            "id": OWN,
            "prompt": "hi",
            "response": "Hello!",
            "model": "heed-policy/3",
            "user": 7,
            "language": "en",
        },
        {"type": "feedback", "interaction": "q-1", "other": OWN, "kind": "choice", "created_at": 0, "position": 2},
        {"type": "feedback", "interaction": OWN, "kind": "thumb", "score": -1, "text": "no 🍞", "source": "shop"},
        {"type": "feedback", "interaction": OWN, "kind": "rating", "score": 0.5, "aspect": "helpfulness"},
    )
    first, second = reading.frames["interactions"].rows(named=True)
    choice, thumb, rating = reading.frames["feedback"].rows(named=True)
    assert first["id"] == hashlib.sha256(b"q-1").hexdigest()[:32]
    assert (choice["interaction"], choice["other"], choice["position"]) == (first["id"], OWN, 2)
    assert (second["id"], second["model"], second["user"]) == (OWN, "heed-policy/3", "7")
    assert (thumb["interaction"], thumb["score"], thumb["text"]) == (OWN, -1.0, "no 🍞")
    assert (second["language"], rating["aspect"]) == ("en", "helpfulness")
    assert (choice["source"], thumb["source"]) == ("heed", "shop")
    assert choice["created_at"] == datetime(1970, 1, 1, tzinfo=UTC)
    assert first["prompt"] == [{"role": "user", "content": "How do I bake bread?"}]
    assert first["response"] == [{"role": "assistant", "content": "Mix flour and water."}]


def test_events_without_an_id_are_named_by_what_they_say(read_rows: Callable[..., Reading]) -> None:
    said = {"type": "interaction", "prompt": "hi", "response": "Hello!"}
    first, again, other = read_rows(said, said, {**said, "user": "ada"}).frames["interactions"]["id"]
    assert first == again != other
    assert len(first) == 32


def test_a_conversation_keeps_its_turns(read_rows: Callable[..., Reading]) -> None:
    turns = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}]
    event = {**ASKED, "prompt": turns, "response": [{"role": "assistant", "content": "Hello!"}]}
    assert read_rows(event).frames["interactions"]["prompt"].to_list() == [turns]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"prompt": "hi", "response": "Hello!"}, "type is missing"),
        ({"type": "click", "prompt": "hi"}, 'type is "click", must be interaction or feedback'),
        ({"type": 3}, 'type is "3", must be interaction or feedback'),
        ({"type": ["feedback"]}, "type is a list, must be a text or a number"),
        ({"type": "interaction", "prompt": "hi"}, "response is missing"),
        ({"type": "interaction", "prompt": 1, "response": "a"}, "prompt is 1, must be a text or a list of messages"),
        ({**ASKED, "model": []}, "model is a list, must be a text or a number"),
        ({**ASKED, "created_at": "2026-02-30"}, f'created_at is "2026-02-30", {A_TIME}'),
        ({**ASKED, "created_at": "0000-01-01"}, f'created_at is "0000-01-01", {A_TIME}'),
        ({**ASKED, "created_at": "9999-12-31T23:59:59-12:00"}, f'created_at is "9999-12-31T23:59:59-12:00", {A_TIME}'),
        ({"type": "feedback", "kind": "thumb"}, "interaction is missing"),
        ({"type": "feedback", "interaction": "  ", "kind": "thumb"}, "interaction is missing"),
        ({"type": "feedback", "interaction": "q-1"}, "kind is missing"),
        ({"type": "feedback", "interaction": "q-1", "kind": "thumb", "score": "up"}, 'score is "up", must be a number'),
        ({"type": "feedback", "interaction": "q-1", "kind": "edit", "text": 4}, "text is 4, must be a text"),
        (
            {"type": "feedback", "interaction": "q-1", "kind": "choice", "other": True},
            "other is true, must be a text or a number",
        ),
        (
            {"type": "feedback", "interaction": "q-1", "kind": "choice", "other": "q-2", "position": 1.5},
            "position is 1.5, must be 1 or 2",
        ),
        (
            {"type": "feedback", "interaction": "q-1", "kind": "choice", "other": "q-2", "position": 10**20},
            "position is 100000000000000000000, must be 1 or 2",
        ),
    ],
)
def test_a_bad_event_is_told_why_and_the_next_one_is_read(
    read_rows: Callable[..., Reading], event: dict[str, Any], reason: str
) -> None:
    reading = read_rows(event, ASKED)
    assert reading.problems.select("line", "reason").rows() == [(1, reason)]
    assert len(reading.frames["interactions"]) == 1
