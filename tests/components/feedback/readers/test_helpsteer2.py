"""HelpSteer2. Rows are built from the schemas published at https://huggingface.co/datasets/nvidia/HelpSteer2."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from components.feedback.readers import Reading

RATED = {
    "prompt": "c#",
    "response": "C# is a language.",
    "helpfulness": 3,
    "correctness": 4,
    "coherence": 4,
    "complexity": 2,
    "verbosity": 1,
}
JUDGED = {
    "split": "train",
    "prompt": "Define Signal",
    "response_1": "A signal is a form of energy.",
    "response_2": "A signal is a message.",
    "preference_strength": 1,
    "preference_statement": "@Response 2 is better.",
    "preference_elaboration": "It is complete.",
    "three_most_similar_preferences": [{"statement": "s", "elaboration": "e", "strength": 1}],
    "all_preferences_unprocessed": [
        {"strength": 1, "justification": "more complete"},
        {"strength": -3, "justification": "shorter"},
        {"strength": 0, "justification": "the same"},
        {"strength": -100, "justification": "both wrong"},
    ],
}


def test_ratings_keep_their_aspects_and_make_a_pair_by_helpfulness(read_rows: Callable[..., Reading]) -> None:
    worse = {**RATED, "response": "See sharp.", "helpfulness": 1}
    reading = read_rows(RATED, worse, {**RATED, "prompt": "other"}, {**worse, "prompt": "another"})
    assert list(reading.formats.values()) == ["helpsteer2"]
    assert len(reading.frames["interactions"]) == 4
    first = reading.frames["feedback"].head(5)
    assert set(first["interaction"]) == {reading.frames["interactions"]["id"][0]}
    assert first.select("aspect", "score", "text").rows() == [
        ("helpfulness", 0.5, None),
        ("correctness", 1.0, None),
        ("coherence", 1.0, None),
        ("complexity", None, "2"),  # no better and no worse the more there is of it
        ("verbosity", None, "1"),
    ]
    (pair,) = reading.frames["preferences"].rows(named=True)  # other prompts have one answer each
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == ("C# is a language.", "See sharp.")
    assert (pair["strength"], pair["rater"]) == (0.5, None)


def test_every_annotator_rates_for_themselves(read_rows: Callable[..., Reading]) -> None:
    lists = {aspect: [3, 3, 4] for aspect in RATED if aspect not in ("prompt", "response")}
    prompt = "one\n<extra_id_1>Assistant\ntwo\n<extra_id_1>User\nthree"
    rows = [{**RATED, **lists, "prompt": prompt}, {**RATED, "prompt": prompt, "response": "No.", "helpfulness": [2, 3]}]
    frames = read_rows(*rows).frames
    said = frames["feedback"].filter(pl.col("aspect") == "helpfulness")
    assert said.select("user", "score").rows() == [
        ("rater-1", 0.5),
        ("rater-2", 0.5),
        ("rater-3", 1.0),
        ("rater-1", 0.0),
        ("rater-2", 0.5),
    ]
    roles = [(message["role"], message["content"]) for message in frames["interactions"]["prompt"][0].to_list()]
    assert roles == [("user", "one"), ("assistant", "two"), ("user", "three")]
    assert frames["preferences"].is_empty()  # pairs are built from what raters say, once


def test_every_annotators_preference_survives_and_so_do_ties_and_refusals(read_rows: Callable[..., Reading]) -> None:
    reading = read_rows(JUDGED)
    assert list(reading.formats.values()) == ["helpsteer2"]
    first, second = reading.frames["preferences"].rows(named=True)
    assert (first["chosen"][0]["content"], first["rater"]) == ("A signal is a message.", "rater-1")
    assert (second["chosen"][0]["content"], second["rater"]) == ("A signal is a form of energy.", "rater-2")
    assert (first["strength"], second["strength"]) == pytest.approx((1 / 3, 1.0))
    assert first["weight"] == second["weight"] == 0.25  # four people judged one pair
    said = reading.frames["feedback"].select("kind", "score", "text", "user").rows()
    assert sorted(said) == [
        ("rating", 0.0, "the same", "rater-3"),
        ("rating", 0.0, "the same", "rater-3"),
        ("thumb", -1.0, "both wrong", "rater-4"),
        ("thumb", -1.0, "both wrong", "rater-4"),
    ]
    assert set(reading.frames["feedback"]["interaction"]) == set(reading.frames["interactions"]["id"])


def test_the_overall_preference_counts_where_it_is_the_only_one(read_rows: Callable[..., Reading]) -> None:
    alone = {key: value for key, value in JUDGED.items() if key != "all_preferences_unprocessed"}
    (pair,) = read_rows(alone).frames["preferences"].rows(named=True)
    assert (pair["rater"], pair["weight"], pair["chosen"][0]["content"]) == (None, 1.0, "A signal is a message.")


def test_every_bad_row_is_told_why_and_the_next_one_is_read(read_rows: Callable[..., Reading]) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        ({**RATED, "helpfulness": 7}, "helpfulness is 7, must be a rating from 0 to 4 or a list of them"),
        ({**RATED, "coherence": [3, "x"]}, 'coherence is [3,"x"], must be a rating from 0 to 4 or a list of them'),
        ({**RATED, "verbosity": None}, "verbosity is missing"),
        ({**RATED, "response": " "}, "response says nothing"),
        ({**RATED, "prompt": "a\n<extra_id_1>Assistant\nb"}, "prompt ends with the assistant"),
        ({**RATED, "prompt": 3}, "prompt is 3, must be a text"),
        ({**JUDGED, "response_2": None}, "response_2 is missing"),
        (
            {**JUDGED, "all_preferences_unprocessed": [{"strength": 9}]},
            "all_preferences_unprocessed[0]: strength is 9, must be from -3 to 3",
        ),
        (
            {**JUDGED, "all_preferences_unprocessed": [], "preference_strength": None},
            "preference_strength is missing",
        ),
    ]
    reading = read_rows(*(row for row, _ in faults), {**RATED, "prompt": "sound"}, format="helpsteer2")
    assert reading.problems["reason"].to_list() == [reason for _, reason in faults]
    assert reading.problems["line"].to_list() == list(range(1, len(faults) + 1))
    assert len(reading.frames["feedback"]) == 5
