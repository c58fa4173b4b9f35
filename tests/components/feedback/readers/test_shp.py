"""Stanford Human Preferences. Rows are built from the schema published at
https://huggingface.co/datasets/stanfordnlp/SHP.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from components.feedback.readers import Reading

PAIR = {
    "post_id": "qt3nxl",
    "domain": "askculinary_train",
    "upvote_ratio": 0.98,
    "history": "What's the best way to disassemble raspberries?",
    "c_root_id_A": "hkh25sc",
    "c_root_id_B": "hkh25lp",
    "created_at_utc_A": 1636822112,
    "created_at_utc_B": 1636822110,
    "score_A": 340,
    "score_B": 166,
    "human_ref_A": "Pectinex, perhaps?",
    "human_ref_B": "Raspberry juice 🍓",
    "labels": 1,
    "seconds_difference": 2.0,
    "score_ratio": 2.0,
}


def test_votes_become_a_strength_and_the_forum_the_group(read_rows: Callable[..., Reading]) -> None:
    second = {**PAIR, "domain": "askphysics_validation", "labels": 0, "score_ratio": 4.0}
    reading = read_rows(PAIR, second, {**PAIR, "score_ratio": None, "post_id": "x", "history": "Again?"})
    assert list(reading.formats.values()) == ["shp"]
    first, other, unsaid = reading.frames["preferences"].rows(named=True)
    assert first["prompt"] == [{"role": "user", "content": "What's the best way to disassemble raspberries?"}]
    assert (first["chosen"][0]["content"], first["rejected"][0]["content"]) == (
        "Pectinex, perhaps?",
        "Raspberry juice 🍓",
    )
    assert (other["chosen"][0]["content"], other["group"], other["source"]) == (
        "Raspberry juice 🍓",
        "askphysics",
        "shp/askphysics",
    )
    assert (first["strength"], other["strength"]) == pytest.approx((1 / 3, 3 / 5))
    assert unsaid["strength"] == pytest.approx((340 - 166) / (340 + 166))
    assert first["created_at"] == datetime(2021, 11, 13, 16, 48, 32, tzinfo=UTC)
    assert reading.frames["interactions"].is_empty()  # people wrote the answers


def test_every_bad_pair_is_told_why_and_the_next_one_is_read(read_rows: Callable[..., Reading]) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        ({"labels": 2}, "labels must be 1 (A is preferred) or 0 (B is preferred)"),
        ({"labels": None}, "labels is missing"),
        ({"score_ratio": 1.0}, "a tie: neither answer is preferred"),
        ({"score_ratio": 0.5}, "score_ratio is below 1"),
        ({"score_ratio": "two"}, 'score_ratio is "two", must be a number'),
        ({"score_ratio": None, "score_B": 0}, "score_ratio is missing, and score_A and score_B do not give it"),
        ({"human_ref_A": ["a"]}, "human_ref_A is a list, must be a text"),
        ({"history": None}, "history is missing"),
    ]
    reading = read_rows(*({**PAIR, **change} for change, _ in faults), PAIR, format="shp")
    assert reading.problems["reason"].to_list() == [reason for _, reason in faults]
    assert reading.problems["line"].to_list() == list(range(1, len(faults) + 1))
    assert len(reading.frames["preferences"]) == 1
