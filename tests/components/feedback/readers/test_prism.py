"""Conversations and answers of PRISM.

The rows are made after the published schema: https://huggingface.co/datasets/HannahRoseKirk/prism-alignment, its
codebook https://github.com/HannahKirk/prism-alignment.
"""

from collections.abc import Callable
from typing import Any

import pytest

from components.feedback.readers import Reading


def turn(
    number: int, role: str, content: str, score: float | None = None, chosen: bool | None = None
) -> dict[str, Any]:
    model = {"model_name": f"model of {content}", "model_provider": "anybody"} if role == "model" else {}
    return {"turn": number, "role": role, "content": content, "score": score, "if_chosen": chosen, **model}


CONVERSATION = {
    "conversation_id": "c0",
    "user_id": "user7",
    "conversation_type": "unguided",
    "opening_prompt": "Is tea good? 🍵",
    "conversation_turns": 2,
    "conversation_history": [
        turn(0, "user", "Is tea good? 🍵"),
        turn(0, "model", "No", 1, False),
        turn(0, "model", "Yes", 100, True),
        turn(0, "model", "Perhaps", 50.5, False),
        turn(1, "user", "Why?"),
        turn(1, "model", "It warms", 75.25, True),
        turn(1, "model", "It is wet", 25.75, False),
    ],
    "performance_attributes": {"values": 75, "fluency": None, "safety": 100},
    "choice_attributes": {"values": 50},
    "open_feedback": "I liked the second one.",
    "generated_datetime": "2023-11-22 15:40:33.207000",
}


def answer(number: int, said: str, prompt: str, score: float, chosen: bool) -> dict[str, Any]:
    return {
        "utterance_id": f"ut-{said}",
        "interaction_id": f"int{number}",
        "conversation_id": "c0",
        "user_id": "user7",
        "turn": number,
        "conversation_type": "unguided",
        "user_prompt": prompt,
        "model_response": said,
        "model_name": f"model of {said}",
        "score": score,
        "if_chosen": chosen,
        "study_locale": "uk",
    }


def names(frames: dict[str, Any]) -> dict[str, str]:
    """What was answered, by the id of the interaction."""
    return {row["id"]: row["response"][0]["content"] for row in frames["interactions"].iter_rows(named=True)}


def test_every_answer_is_rated_and_the_chosen_one_beats_the_others_of_its_turn(
    read_rows: Callable[..., Reading],
) -> None:
    frames = read_rows(CONVERSATION).frames
    said = names(frames)
    last = next(row for row in frames["interactions"].iter_rows(named=True) if said[row["id"]] == "It is wet")
    assert [message["content"] for message in last["prompt"]] == ["Is tea good? 🍵", "Yes", "Why?"]
    assert (last["model"], last["user"], last["created_at"].isoformat()) == (
        "model of It is wet",
        "user7",
        "2023-11-22T15:40:33.207000+00:00",
    )
    heard = frames["feedback"].select("interaction", "kind", "score", "aspect", "other", "text").rows()
    assert {
        (said[about], kind, score, aspect, said.get(other), text) for about, kind, score, aspect, other, text in heard
    } == {
        ("No", "rating", -1, None, None, None),
        ("Yes", "rating", 1, None, None, None),
        ("Perhaps", "rating", 0, None, None, None),
        ("It warms", "rating", 0.5, None, None, None),
        ("It is wet", "rating", -0.5, None, None, None),
        ("Yes", "choice", None, None, "No", None),
        ("Yes", "choice", None, None, "Perhaps", None),
        ("It warms", "choice", None, None, "It is wet", None),
        ("Yes", "followup", None, None, None, "Why?"),
        ("It warms", "comment", None, None, None, "I liked the second one."),
        ("It warms", "rating", 0.5, "values", None, None),
        ("It warms", "rating", 1, "safety", None, None),
    }
    assert set(frames["feedback"]["user"]) == {"user7"}


def test_answers_one_a_row_are_put_together_again(read_rows: Callable[..., Reading]) -> None:
    rows = [
        answer(0, "No", "Is tea good? 🍵", 1, False),
        answer(0, "Yes", "Is tea good? 🍵", 100, True),
        answer(1, "It warms", "Why?", 75.25, True),
    ]
    frames = read_rows(*rows).frames
    said = names(frames)
    prompts = {said[row["id"]]: len(row["prompt"]) for row in frames["interactions"].iter_rows(named=True)}
    assert prompts == {"No": 1, "Yes": 1, "It warms": 3}
    assert set(frames["feedback"]["group"]) == {"uk"}
    choice = frames["feedback"].filter(kind="choice").row(0, named=True)
    assert (said[choice["interaction"]], said[choice["other"]]) == ("Yes", "No")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"conversation_history": None}, "conversation_history is missing"),
        ({"conversation_history": [turn(0, "user", "hi")]}, "conversation_history has no answer"),
        (
            {"conversation_history": [turn(0, "user", "hi"), turn(0, "model", "a", 101)]},
            "conversation_history[1]: score is 101, must be from 1 to 100",
        ),
        (
            {"conversation_history": [turn(0, "user", "hi"), turn(0, "model", "")]},
            "conversation_history[1]: content says nothing",
        ),
        ({"user_id": {}}, "user_id is an object, must be a text or a number"),
    ],
)
def test_a_bad_conversation_is_told_why(
    read_rows: Callable[..., Reading], changed: dict[str, Any], reason: str
) -> None:
    reading = read_rows({**CONVERSATION, **changed}, CONVERSATION, format="prism")
    assert reading.problems.select("line", "reason").rows() == [(1, reason)]
    assert len(reading.frames["interactions"]) == 5
