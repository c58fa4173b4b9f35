"""Instructions with four rated answers, as UltraFeedback has them.

The rows are made after the published schema: https://huggingface.co/datasets/openbmb/UltraFeedback.
"""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from components.feedback.readers import Reading

ASPECTS = ("instruction_following", "honesty", "truthfulness", "helpfulness")


def completion(model: str, response: str, overall: float, ratings: str | list[str]) -> dict[str, Any]:
    return {
        "model": model,
        "response": response,
        "principle": "helpfulness",
        "custom_system_prompt": "As an AI assistant, …",
        "annotations": {
            aspect: {"Rating": rating, "Rationale": f"{aspect} of {model}"}
            for aspect, rating in zip(ASPECTS, ratings, strict=True)
        },
        "critique": f"The answer of {model}.",
        "fine-grained_score": 3.0,
        "overall_score": overall,
    }


ROW = {
    "source": "sharegpt",
    "instruction": "Say hi in French",
    "models": ["alpaca-7b", "gpt-4", "llama-2-7b-chat", "starchat"],
    "completions": [
        completion("alpaca-7b", "Hi", 10.0, "1122"),
        completion("gpt-4", "Salut 👋", 8.5, "5545"),
        completion("llama-2-7b-chat", "Bonjour", 7.0, ["5", "N/A", "5", "4"]),
        completion("starchat", "Bonjour!", 5.5, "5545"),
    ],
    "correct_answers": ["None"],
    "incorrect_answers": ["None"],
}


def test_every_aspect_of_every_answer_is_a_rating_by_gpt_4(read_rows: Callable[..., Reading]) -> None:
    frames = read_rows(ROW).frames
    assert frames["interactions"]["model"].to_list() == ROW["models"]
    llama = frames["interactions"]["id"][2]
    heard = frames["feedback"].filter(pl.col("interaction") == llama).sort("aspect", nulls_last=True)
    assert heard.select("aspect", "score", "text", "user").rows() == [
        ("helpfulness", 0.5, "helpfulness of llama-2-7b-chat", "gpt-4"),
        ("instruction_following", 1.0, "instruction_following of llama-2-7b-chat", "gpt-4"),
        ("truthfulness", 1.0, "truthfulness of llama-2-7b-chat", "gpt-4"),
        (None, pytest.approx(1 / 3), "The answer of llama-2-7b-chat.", "gpt-4"),
    ]
    assert len(frames["feedback"]) == 4 * 5 - 1


def test_a_ten_that_was_meant_to_be_a_one_is_read_as_one(read_rows: Callable[..., Reading]) -> None:
    frames = read_rows(ROW).frames
    whole = frames["feedback"].filter(pl.col("aspect").is_null())
    scores = frames["interactions"].select(interaction="id").join(whole, on="interaction", maintain_order="left")
    assert scores["score"].to_list() == pytest.approx([-1, 2 / 3, 1 / 3, 0])


def test_the_best_by_mean_is_preferred_to_those_that_are_worse(read_rows: Callable[..., Reading]) -> None:
    preferences = read_rows(ROW).frames["preferences"]
    said = [pl.col(key).list.first().struct.field("content").alias(key) for key in ("chosen", "rejected")]
    assert preferences.select(*said, "strength", "rater").sort("chosen", "rejected").rows() == [
        ("Bonjour!", "Bonjour", pytest.approx((4.75 - 14 / 3) / 4), "gpt-4"),
        ("Bonjour!", "Hi", pytest.approx((4.75 - 1.5) / 4), "gpt-4"),
        ("Salut 👋", "Bonjour", pytest.approx((4.75 - 14 / 3) / 4), "gpt-4"),
        ("Salut 👋", "Hi", pytest.approx((4.75 - 1.5) / 4), "gpt-4"),
    ]


@pytest.mark.parametrize(
    ("row", "reason", "left"),
    [
        ({"instruction": None}, "instruction is missing", 0),
        ({"completions": []}, "completions has no answer", 0),
        (
            {"completions": [completion("a", "", 3, "1111"), completion("b", "x", 3, "1111")]},
            "completions[0]: response says nothing",
            1,
        ),
        (
            {"completions": [completion("a", "y", 3, "1171"), completion("b", "x", 3, "1111")]},
            'completions[0]: truthfulness.Rating is "7", must be from 1 to 5',
            1,
        ),
        (
            {"completions": [completion("a", "y", 11, "1111"), completion("b", "x", 3, "1111")]},
            "completions[0]: overall_score is 11, must be from 1 to 10",
            1,
        ),
    ],
)
def test_what_is_wrong_is_told_and_the_other_answers_are_read(
    read_rows: Callable[..., Reading], row: dict[str, Any], reason: str, left: int
) -> None:
    reading = read_rows({**ROW, **row}, ROW, format="ultrafeedback")
    assert reading.problems.select("line", "reason").rows() == [(1, reason)]
    assert len(reading.frames["interactions"]) == 4 + left
