"""Nectar. Rows are built from the schema published at https://huggingface.co/datasets/berkeley-nest/Nectar."""

from collections.abc import Callable
from typing import Any

import pytest

from components.feedback.readers import Reading

RANKED = {
    "prompt": "\n\nHuman: Tea?\n\nAssistant: Which?\n\nHuman: Green 🍵\n\nAssistant: ",
    "answers": [
        {"answer": f"answer {rank}", "model": f"model-{rank}", "rank": float(rank)} for rank in (3, 1, 7, 2, 5, 4, 6)
    ],
    "turns": 2,
    "num_responses": 7,
    "source": ["lmsys-chat-1m"],
    "good_natured": True,
}


def test_the_best_answer_is_preferred_to_each_of_the_others(read_rows: Callable[..., Reading]) -> None:
    reading = read_rows(RANKED)
    assert list(reading.formats.values()) == ["nectar"]
    preferences = reading.frames["preferences"]
    pairs = preferences.rows(named=True)
    assert {pair["chosen"][0]["content"] for pair in pairs} == {"answer 1"}
    strengths = {pair["rejected"][0]["content"]: pair["strength"] for pair in pairs}
    assert strengths == pytest.approx({f"answer {rank}": (rank - 1) / 6 for rank in range(2, 8)})
    assert pairs[0]["prompt"] == [
        {"role": "user", "content": "Tea?"},
        {"role": "assistant", "content": "Which?"},
        {"role": "user", "content": "Green 🍵"},
    ]
    assert set(preferences["rater"]) == {"gpt-4"}


def test_answers_that_share_the_first_place_each_beat_the_rest_and_not_each_other(
    read_rows: Callable[..., Reading],
) -> None:
    shared = [{"answer": text, "model": "m", "rank": rank} for text, rank in (("a", 1), ("b", 1), ("c", 3))]
    pairs = read_rows({**RANKED, "answers": shared}).frames["preferences"].rows(named=True)
    assert {(pair["chosen"][0]["content"], pair["rejected"][0]["content"], pair["strength"]) for pair in pairs} == {
        ("a", "c", 1.0),
        ("b", "c", 1.0),
    }


def test_every_bad_ranking_is_told_why_and_the_next_one_is_read(read_rows: Callable[..., Reading]) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        ({"prompt": "Tea?"}, 'prompt is not a transcript: it does not begin with "Human:"'),
        ({"prompt": "\n\nHuman: Tea?"}, 'prompt does not end with "Assistant:"'),
        ({"prompt": "\n\nHuman: Tea?\n\nAssistant: Sure"}, 'prompt does not end with "Assistant:"'),
        ({"prompt": "\n\nHuman: \n\nAssistant: "}, "prompt has a message that says nothing"),
        ({"prompt": None}, "prompt is missing"),
        ({"answers": RANKED["answers"][:1]}, "answers has fewer than two answers"),
        ({"answers": [{"answer": text, "rank": 1} for text in "ab"]}, "a tie: neither answer is preferred"),
        ({"answers": [{"answer": "a", "rank": 1}, {"answer": "b"}]}, "answers[1]: rank is missing"),
        ({"answers": [{"rank": 1}, 3]}, "answers[0]: answer is missing"),
        ({"answers": {}}, "answers is an object, must be a list"),
    ]
    reading = read_rows(*({**RANKED, **change} for change, _ in faults), RANKED, format="nectar")
    assert reading.problems["reason"].to_list() == [reason for _, reason in faults]
    assert reading.problems["line"].to_list() == list(range(1, len(faults) + 1))
    assert len(reading.frames["preferences"]) == 6
