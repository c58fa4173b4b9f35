"""Conversations of WildChat and LMSYS-Chat-1M.

The rows are made after the published schemas: https://huggingface.co/datasets/allenai/WildChat-1M and
https://huggingface.co/datasets/lmsys/lmsys-chat-1m.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from components.feedback.readers import Reading


def turn(role: str, content: str, **others: Any) -> dict[str, Any]:
    return {"role": role, "content": content, "redacted": False, "toxic": False, "turn_identifier": 101, **others}


WILDCHAT = {
    "conversation_hash": "cfe1a5b6",
    "model": "gpt-3.5-turbo-0301",
    "timestamp": "2023-04-09 00:03:10+00:00",
    "conversation": [
        turn("user", "パンの焼き方は? 🍞", language="Japanese", country="Japan", hashed_ip="ip-of-ada"),
        turn("assistant", "Mix flour.", language="English", timestamp="2023-04-09 00:02:53+00:00"),
        turn("user", "In Japanese please", language="English", country="Japan", hashed_ip="ip-of-ada"),
        turn("assistant", "小麦粉を混ぜます", language="Japanese", timestamp="2023-04-09 00:03:10+00:00"),
    ],
    "turn": 2,
    "language": "Japanese",
    "openai_moderation": [],
    "detoxify_moderation": [],
    "toxic": False,
    "redacted": False,
    "country": "Japan",
    "hashed_ip": "ip-of-ada",
    "header": {"accept-language": "ja"},
}
LMSYS = {
    "conversation_id": "33f01939a744455c869cb234afca47f1",
    "model": "wizardlm-13b",
    "conversation": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello!"}],
    "turn": 1,
    "language": "English",
    "openai_moderation": [],
    "redacted": False,
}


def test_answers_keep_their_model_user_language_and_time(read_rows: Callable[..., Reading]) -> None:
    reading = read_rows(WILDCHAT, LMSYS)
    assert list(reading.formats.values()) == ["wildchat"]
    columns = ("model", "user", "group", "language", "source", "created_at")
    assert reading.frames["interactions"].select(columns).rows() == [
        ("gpt-3.5-turbo-0301", "ip-of-ada", "Japan", "English", "wildchat", datetime(2023, 4, 9, 0, 2, 53, tzinfo=UTC)),
        (
            "gpt-3.5-turbo-0301",
            "ip-of-ada",
            "Japan",
            "Japanese",
            "wildchat",
            datetime(2023, 4, 9, 0, 3, 10, tzinfo=UTC),
        ),
        ("wizardlm-13b", None, None, "English", "lmsys-chat-1m", None),
    ]
    assert [message["content"] for message in reading.frames["interactions"]["prompt"][1]] == [
        "パンの焼き方は? 🍞",
        "Mix flour.",
        "In Japanese please",
    ]


def test_what_the_user_says_next_is_a_followup_about_the_answer_before(read_rows: Callable[..., Reading]) -> None:
    frames = read_rows(WILDCHAT, LMSYS).frames
    feedback = frames["feedback"].select("interaction", "kind", "text", "user", "group", "source")
    first = frames["interactions"]["id"][0]
    assert feedback.rows() == [(first, "followup", "In Japanese please", "ip-of-ada", "Japan", "wildchat")]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"conversation": None}, "conversation is missing"),
        ({"conversation": "hi"}, 'conversation is "hi", must be a list'),
        ({"conversation": []}, "conversation has no message"),
        ({"conversation": [turn("user", "hi")]}, "conversation has no answer to a user"),
        (
            {"conversation": [turn("user", "hi"), {"role": "assistant"}]},
            "conversation[1]: content is missing",
        ),
        (
            {"conversation": [{"content": "hi"}, turn("assistant", "a")]},
            "conversation[0]: role is missing",
        ),
        ({"model": ["a"]}, "model is a list, must be a text or a number"),
        ({"timestamp": "soon"}, 'timestamp is "soon", must be a time as 2026-01-31T12:00:00Z or in seconds since 1970'),
    ],
)
def test_a_bad_conversation_is_told_why_and_the_next_is_read(
    read_rows: Callable[..., Reading], changed: dict[str, Any], reason: str
) -> None:
    reading = read_rows({**WILDCHAT, **changed}, WILDCHAT, format="wildchat")
    assert reading.problems.select("line", "reason").rows() == [(1, reason)]
    assert len(reading.frames["interactions"]) == 2
