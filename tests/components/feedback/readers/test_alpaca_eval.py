"""AlpacaEval annotations, in the published files and in rows with what those do not hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from components.feedback.readers import Reading, read

JUDGED = {
    "instruction": "Name a tea.",
    "output_1": "Sencha",
    "generator_1": "gpt4_1106_preview",
    "output_2": "Coffee",
    "generator_2": "gemma-7b-it",
    "dataset": "helpful_base",
    "annotator": "weighted_alpaca_eval_gpt4_turbo",
    "preference": 1.25,
}


def test_the_published_annotations_are_read(shared_data: Path) -> None:
    reading = read([shared_data / "alpaca-eval" / "claude-2.1.json.gz"], None)
    assert list(reading.formats.values()) == ["alpaca-eval"]
    assert reading.problems.is_empty()
    told, preferences = reading.frames["interactions"], reading.frames["preferences"]
    assert dict(told["model"].value_counts().iter_rows()) == {"gpt4_1106_preview": 805, "claude-2.1": 805}
    assert len(preferences) == 803
    ties = reading.frames["feedback"]
    assert ties.select("kind", "score").rows() == [("rating", 0.0)] * 4  # of two pairs that are a tie
    answers = told.filter(pl.col("model") == "claude-2.1")["response"]
    assert preferences["chosen"].is_in(answers.implode()).sum() == 115
    second = (
        pl.when(pl.col("chosen").is_in(answers.implode()))
        .then(1 + pl.col("strength"))
        .otherwise(1 - pl.col("strength"))
    )
    # The published win rate, 15.73%, is the mean preference for the second answer; a tie counts for half.
    assert (preferences.select(second.sum()).item() / 2 + 2 * 0.5) / 805 == pytest.approx(0.1573, abs=5e-5)
    assert set(preferences["rater"]) == {"weighted_alpaca_eval_gpt4_turbo"}


def test_a_grade_becomes_a_direction_and_a_strength_and_a_tie_two_equal_ratings(
    read_rows: Callable[..., Reading],
) -> None:
    grades = (1.25, 2, 1.5, 0)
    frames = read_rows(*({**JUDGED, "instruction": f"{grade}?", "preference": grade} for grade in grades)).frames
    first, second = frames["preferences"].rows(named=True)
    assert (first["chosen"][0]["content"], first["strength"]) == ("Sencha", 0.5)
    assert (second["chosen"][0]["content"], second["strength"]) == ("Coffee", 1.0)
    assert first["position"] is None  # the judge saw the two in an order that is not told
    assert (
        frames["feedback"].select("kind", "score", "user").rows()
        == [("rating", 0.0, "weighted_alpaca_eval_gpt4_turbo")] * 4
    )
    assert frames["feedback"]["interaction"].to_list() == frames["interactions"]["id"].to_list()[4:]


def test_every_bad_annotation_is_told_why_and_the_next_one_is_read(read_rows: Callable[..., Reading]) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        ({"preference": None}, "preference is missing"),
        ({"preference": 2.5}, "preference is 2.5, must be from 1 to 2"),
        ({"preference": "first"}, 'preference is "first", must be a number'),
        ({"output_2": " "}, "output_2 says nothing"),
        ({"output_1": None}, "output_1 is missing"),
        ({"generator_1": {}}, "generator_1 is an object, must be a text or a number"),
    ]
    reading = read_rows(*({**JUDGED, **change} for change, _ in faults), JUDGED, format="alpaca-eval")
    assert reading.problems["reason"].to_list() == [reason for _, reason in faults]
    assert reading.problems["line"].to_list() == list(range(1, len(faults) + 1))
    assert len(reading.frames["preferences"]) == 1
