"""Preferences and annotated utterances of WildFeedback.

The rows are made after the published files: https://huggingface.co/datasets/microsoft/WildFeedback (whose keys
are spelt "Disatisfaction" and "Justificiation").
"""

from collections.abc import Callable
from typing import Any

import pytest

from components.feedback.readers import Reading

PAIR = {
    "conversations": [
        {"from": "human", "value": "Tell me about tea 🍵"},
        {"from": "gpt", "value": "A long story."},
        {"from": "human", "value": "Shorter, please."},
    ],
    "chosen": {"from": "gpt", "value": "Leaves in water."},
    "rejected": {"from": "gpt", "value": "A longer story."},
}


def utterance(number: int, role: str, content: str, **verdict: Any) -> dict[str, Any]:
    return {
        "UtteranceId": number,
        "TurnId": number // 2 + 1,
        "Role": role,
        "Content": content,
        "Satisfaction": False,
        "Satisfaction-Justificiation": "",
        "Disatisfaction": False,
        "Dissatisfaction-Justificiation": "",
        "Preceeding": "YES",
        **verdict,
    }


TALK = [
    utterance(0, "User", "Tell me about tea"),
    utterance(1, "Agent", "A long story."),
    utterance(2, "User", "No, shorter", **{"Disatisfaction": True, "Dissatisfaction-Justificiation": "asks to revise"}),
    utterance(3, "Agent", "Leaves.", **{"Disatisfaction": True, "Dissatisfaction-Justificiation": "asks to revise"}),
    utterance(4, "User", "Great", **{"Satisfaction": True, "Satisfaction-Justificiation": "praises"}),
]


def contents(messages: Any) -> list[str]:
    return [message["content"] for message in messages]


def test_a_pair_is_a_preference_and_its_conversation_is_heard(read_rows: Callable[..., Reading]) -> None:
    frames = read_rows(PAIR).frames
    preference = frames["preferences"].row(0, named=True)
    assert contents(preference["prompt"]) == ["Tell me about tea 🍵", "A long story.", "Shorter, please."]
    assert (contents(preference["chosen"]), contents(preference["rejected"])) == (
        ["Leaves in water."],
        ["A longer story."],
    )
    assert preference["provenance"] == ["rows.jsonl:1"]
    answer = frames["interactions"].row(0, named=True)
    assert frames["feedback"].select("interaction", "kind", "text").rows() == [
        (answer["id"], "followup", "Shorter, please.")
    ]


def test_a_verdict_on_a_turn_rates_the_answer_before_it_once(read_rows: Callable[..., Reading]) -> None:
    frames = read_rows(*TALK, *TALK[:2]).frames
    assert [contents(response) for response in frames["interactions"]["response"]] == [
        ["A long story."],
        ["Leaves."],
        ["A long story."],
    ]
    first, second, again = frames["interactions"]["id"]
    assert again == first
    assert frames["feedback"].select("interaction", "kind", "score", "text", "user").rows() == [
        (first, "followup", None, "No, shorter", None),
        (first, "rating", -1.0, "asks to revise", "gpt-4"),
        (second, "followup", None, "Great", None),
        (second, "rating", 1.0, "praises", "gpt-4"),
    ]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"conversations": []}, "conversations has no message"),
        ({"conversations": [{"from": "human"}]}, "conversations[0]: value is missing"),
        ({"conversations": PAIR["conversations"][:2]}, "conversations ends with the answer of gpt"),
        ({"rejected": None}, "rejected is missing"),
        ({"chosen": {"from": "gpt"}}, 'chosen is neither a text nor an object with a "value" that says something'),
    ],
)
def test_a_bad_pair_is_told_why(read_rows: Callable[..., Reading], changed: dict[str, Any], reason: str) -> None:
    reading = read_rows({**PAIR, **changed}, PAIR)
    assert reading.problems.select("line", "reason").rows() == [(1, reason)]
    assert len(reading.frames["preferences"]) == 1


def test_a_bad_utterance_takes_its_own_conversation_with_it_and_no_other(read_rows: Callable[..., Reading]) -> None:
    bad = [utterance(0, "User", "hi"), utterance(1, "Robot", "Hello")]
    reading = read_rows(*bad, *TALK, utterance(0, "User", "Is nobody there?"))
    assert reading.problems.select("line", "reason").rows() == [
        (1, "its conversation cannot be read, because of line 2"),
        (2, "Role must be User or Agent"),
        (8, "the conversation has no answer to a user"),
    ]
    assert len(reading.frames["interactions"]) == 2
