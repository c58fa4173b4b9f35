"""Chatbot Arena votes. The real files ask for an agreement, so rows are built from the schemas published at
https://huggingface.co/datasets/lmsys/chatbot_arena_conversations,
https://huggingface.co/datasets/lmsys/lmsys-arena-human-preference-55k and
https://huggingface.co/datasets/lmarena-ai/arena-human-preference-140k.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from components.feedback.readers import Reading, read
from components.records.schemas import IDENTITY, Interaction, as_records


def turns(*contents: Any) -> list[dict[str, Any]]:
    return [{"role": ("user", "assistant")[place % 2], "content": content} for place, content in enumerate(contents)]


VOTE = {
    "question_id": "58210e39b3fd4441a2bd4a518bb44c2d",
    "model_a": "chatglm-6b",
    "model_b": "koala-13b",
    "winner": "model_b",
    "judge": "arena_user_973",
    "conversation_a": turns("パンは?", "いいえ"),
    "conversation_b": turns("パンは?", "はい 🍞"),
    "turn": 1,
    "anony": True,
    "language": "Japanese",
    "tstamp": 1682351591.5,
}
KAGGLE = {
    "id": 30192,
    "model_a": "gpt-4-1106-preview",
    "model_b": "gpt-4-0613",
    "prompt": json.dumps(["Is it [morally] right?", "Why 🤔?"]),
    "response_a": json.dumps(["The question", "Because"]),
    "response_b": json.dumps(["As an AI", "I cannot"]),
    "winner_model_a": 1,
    "winner_model_b": 0,
    "winner_tie": 0,
}


def test_a_vote_is_a_choice_between_two_interactions(read_rows: Callable[..., Reading]) -> None:
    reading = read_rows(VOTE)
    assert list(reading.formats.values()) == ["arena"]
    first, second = reading.frames["interactions"].rows(named=True)
    (choice,) = reading.frames["feedback"].rows(named=True)
    assert (first["model"], second["model"]) == ("chatglm-6b", "koala-13b")
    assert first["prompt"] == second["prompt"] == [{"role": "user", "content": "パンは?"}]
    assert second["response"] == [{"role": "assistant", "content": "はい 🍞"}]
    assert {(row["user"], row["language"], row["source"]) for row in (first, second)} == {
        ("arena_user_973", "Japanese", "arena")
    }
    assert (choice["kind"], choice["interaction"], choice["other"]) == ("choice", second["id"], first["id"])
    assert choice["position"] == 2
    assert choice["user"] == "arena_user_973"
    assert choice["created_at"] == datetime(2023, 4, 24, 15, 53, 11, 500000, UTC)
    assert reading.frames["preferences"].is_empty()  # the pair is made from the choice, once


def test_an_interaction_has_the_id_it_would_have_had_from_anywhere(read_rows: Callable[..., Reading]) -> None:
    told = read_rows(VOTE, {**VOTE, "winner": "tie"}).frames["interactions"]
    assert told["id"].n_unique() == 2
    assert as_records(told.select(IDENTITY[Interaction]), Interaction)["id"].to_list() == told["id"].to_list()


@pytest.mark.parametrize(
    ("winner", "said"),
    [
        ("tie", [("rating", 0.0), ("rating", 0.0)]),
        ("tie (bothbad)", [("thumb", -1.0), ("thumb", -1.0)]),
        ("both_bad", [("thumb", -1.0), ("thumb", -1.0)]),
    ],
)
def test_a_vote_for_neither_is_about_both(
    read_rows: Callable[..., Reading], winner: str, said: list[tuple[str, float]]
) -> None:
    frames = read_rows({**VOTE, "winner": winner}).frames
    assert frames["feedback"].select("kind", "score").rows() == said
    assert set(frames["feedback"]["interaction"]) == set(frames["interactions"]["id"])


def test_a_longer_battle_keeps_every_answer_and_what_the_user_said_to_both(read_rows: Callable[..., Reading]) -> None:
    reading = read_rows(KAGGLE)
    assert list(reading.formats.values()) == ["arena"]
    a1, a2, b1, b2 = reading.frames["interactions"].rows(named=True)
    assert [message["content"] for message in a2["prompt"]] == ["Is it [morally] right?", "The question", "Why 🤔?"]
    assert b2["response"] == [{"role": "assistant", "content": "I cannot"}]
    assert [row["model"] for row in (a1, a2, b1, b2)] == ["gpt-4-1106-preview"] * 2 + ["gpt-4-0613"] * 2
    said = reading.frames["feedback"].select("kind", "interaction", "other", "text").rows()
    assert said == [
        ("followup", a1["id"], None, "Why 🤔?"),
        ("followup", b1["id"], None, "Why 🤔?"),
        ("choice", a2["id"], b2["id"], None),  # about where the battle ended
    ]


def test_contents_in_parts_and_conversations_inside_a_text_are_read(read_rows: Callable[..., Reading]) -> None:
    part = {"type": "text", "text": "パンは?", "image": None, "mimeType": None}
    newer = {
        **{key: value for key, value in VOTE.items() if key not in ("judge", "tstamp", "question_id")},
        "id": "a1",
        "evaluation_session_id": "s-1",
        "timestamp": "2025-06-01 10:00:00",
        "conversation_a": turns([part], "いいえ"),
        "conversation_b": json.dumps(turns("パンは?", "はい 🍞")),
    }
    reading = read_rows(newer)
    told = reading.frames["interactions"]
    assert told["prompt"].to_list() == [[{"role": "user", "content": "パンは?"}]] * 2
    assert set(told["user"]) == {"s-1"}
    assert set(told["created_at"]) == {datetime(2025, 6, 1, 10, tzinfo=UTC)}


def test_every_bad_vote_is_told_why_and_the_next_one_is_read(read_rows: Callable[..., Reading]) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        ({"winner": "nobody"}, 'winner is "nobody", must be one of model_a, model_b, tie, tie (bothbad), '),
        ({"winner": None}, "winner is missing"),
        ({"conversation_a": turns("hi")}, "conversation_a does not end with the assistant"),
        ({"conversation_a": turns("hi", "A")[1:]}, "conversation_a has no message by a user"),
        ({"conversation_b": turns("hi", " ")}, "conversation_b has a message that says nothing"),
        ({"conversation_b": turns("hi", 3)}, "conversation_b has a message whose role or content is missing or not"),
        ({"conversation_b": [{"role": "bot", "content": "hi"}]}, "conversation_b has a message whose role is not one"),
        ({"conversation_b": None}, "conversation_b is missing"),
        ({"conversation_b": "hi"}, "conversation_b is not a list of messages"),
        ({"conversation_a": []}, "conversation_a has no message"),
        ({"model_a": ["x"]}, "model_a is a list, must be a text or a number"),
        ({"tstamp": "noon"}, 'tstamp is "noon", must be a time'),
    ]
    reading = read_rows(*({**VOTE, **change} for change, _ in faults), VOTE, format="arena")
    told = reading.problems["reason"].to_list()
    assert [reason[: len(begins)] for reason, (_, begins) in zip(told, faults, strict=True)] == [
        begins for _, begins in faults
    ]
    assert reading.problems["line"].to_list() == list(range(1, len(faults) + 1))
    assert [len(reading.frames[kind]) for kind in ("interactions", "feedback")] == [2, 1]


def test_every_bad_battle_in_lists_is_told_why(read_rows: Callable[..., Reading]) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        ({"winner_tie": 1}, "exactly one of winner_model_a, winner_model_b, winner_tie must be 1"),
        ({"response_b": json.dumps(["As an AI"])}, "prompt and response_b are not two lists of the same length"),
        ({"response_b": json.dumps(["As an AI", None])}, "prompt or response_b has a text that is missing or says not"),
        ({"prompt": '["cut off'}, "prompt and response_a are not two lists of the same length; prompt and response_b"),
        ({"response_a": None}, "response_a is missing"),
    ]
    reading = read_rows(*({**KAGGLE, **change} for change, _ in faults), KAGGLE, format="arena")
    told = reading.problems["reason"].to_list()
    assert [reason[: len(begins)] for reason, (_, begins) in zip(told, faults, strict=True)] == [
        begins for _, begins in faults
    ]
    assert reading.problems["line"].to_list() == list(range(1, len(faults) + 1))
    assert len(reading.frames["interactions"]) == 4


def test_battles_of_both_shapes_in_one_file_keep_their_own_answers(tmp_path: Path) -> None:
    path = tmp_path / "battles.jsonl"
    rows = [
        {**VOTE, "conversation_a": turns(f"q{n}", f"a{n}"), "conversation_b": turns(f"q{n}", f"b{n}")}
        if n % 2
        else {**KAGGLE, "prompt": f'["q{n}"]', "response_a": f'["a{n}"]', "response_b": f'["b{n}"]'}
        for n in range(2000)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    reading = read([path], None)
    assert reading.problems.is_empty()
    contents = [
        (interaction["prompt"][0]["content"], interaction["response"][0]["content"])
        for interaction in reading.frames["interactions"].rows(named=True)
    ]
    assert contents == [(f"q{n}", f"{side}{n}") for n in range(2000) for side in "ab"]
