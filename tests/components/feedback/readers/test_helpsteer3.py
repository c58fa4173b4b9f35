"""HelpSteer3. Rows are built from the schema published at https://huggingface.co/datasets/nvidia/HelpSteer3."""

from collections.abc import Callable
from typing import Any

import pytest

from components.feedback.readers import Reading

CONTEXT = [
    {"role": "user", "content": "你好"},
    {"role": "assistant", "content": "您好"},
    {"role": "user", "content": "茶?"},
]
JUDGED = {
    "domain": "multilingual",
    "language": "chinese",
    "context": CONTEXT,
    "response1": "绿茶",
    "response2": "红茶",
    "overall_preference": -2,
    "individual_preference": [
        {"score": -2, "reasoning": "clearer", "feedback1": "Says it well.", "feedback2": "Too short."},
        {"score": 1, "reasoning": "warmer", "feedback1": None, "feedback2": ""},
        {"score": 0, "reasoning": "the same", "feedback1": "Fine.", "feedback2": "Fine."},
    ],
}


def test_annotators_languages_and_their_words_survive(read_rows: Callable[..., Reading]) -> None:
    reading = read_rows(JUDGED)
    assert list(reading.formats.values()) == ["helpsteer3"]
    one, two = reading.frames["interactions"]["id"]
    first, second = reading.frames["preferences"].rows(named=True)
    assert first["prompt"] == CONTEXT
    assert (first["chosen"][0]["content"], first["rater"], first["language"]) == ("绿茶", "rater-1", "chinese")
    assert (second["chosen"][0]["content"], second["rater"]) == ("红茶", "rater-2")
    assert (first["position"], second["position"]) == (1, 2)
    assert (first["strength"], second["strength"], first["weight"]) == pytest.approx((2 / 3, 1 / 3, 1 / 3))
    said = reading.frames["feedback"].select("interaction", "kind", "score", "text", "user").rows()
    assert set(said) == {
        (one, "rating", 0.0, "the same", "rater-3"),
        (two, "rating", 0.0, "the same", "rater-3"),
        (one, "comment", None, "Says it well.", "rater-1"),
        (two, "comment", None, "Too short.", "rater-1"),
        (one, "comment", None, "Fine.", "rater-3"),
        (two, "comment", None, "Fine.", "rater-3"),
    }


def test_the_overall_preference_counts_where_it_is_the_only_one(read_rows: Callable[..., Reading]) -> None:
    (pair,) = read_rows({**JUDGED, "individual_preference": None}).frames["preferences"].rows(named=True)
    assert (pair["rater"], pair["weight"], pair["chosen"][0]["content"]) == (None, 1.0, "绿茶")


def test_every_bad_row_is_told_why_and_the_next_one_is_read(read_rows: Callable[..., Reading]) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        ({"context": CONTEXT[:2]}, "context ends with the assistant"),
        ({"context": "你好"}, "context is not a list of messages"),
        ({"context": None}, "context is missing"),
        ({"response2": None}, "response2 is missing"),
        ({"response1": "  "}, "response1 says nothing"),
        ({"individual_preference": {"score": 1}}, "individual_preference is an object, must be a list"),
        ({"individual_preference": [{"score": 4}]}, "individual_preference[0]: score is 4, must be from -3 to 3"),
        ({"individual_preference": [{}]}, "individual_preference[0]: score is missing"),
        ({"individual_preference": [], "overall_preference": None}, "overall_preference is missing"),
    ]
    reading = read_rows(*({**JUDGED, **change} for change, _ in faults), JUDGED, format="helpsteer3")
    assert reading.problems["reason"].to_list() == [reason for _, reason in faults]
    assert reading.problems["line"].to_list() == list(range(1, len(faults) + 1))
    assert len(reading.frames["preferences"]) == 2
