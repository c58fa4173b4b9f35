"""What feedback that speaks for itself is taken to say."""

from pathlib import Path

import polars as pl
import pytest

from components.config import Settings
from components.feedback.signals import appoint
from components.feedback.signals import detect as detect_with
from components.records.schemas import Feedback, Interaction, Signal, as_records, empty
from components.workspace import Workspace

EXPLICIT = appoint(["explicit"], Workspace(Path(), Settings()))


def detect(feedback: pl.DataFrame) -> pl.DataFrame:
    return detect_with(feedback, empty(Interaction), EXPLICIT)


def heard(*events: dict[str, object]) -> pl.DataFrame:
    rows = [{"interaction": "a" * 32, "source": "test", **event} for event in events]
    types = {"score": pl.Float64, "text": pl.String, "other": pl.String, "user": pl.String, "aspect": pl.String}
    return as_records(pl.DataFrame(rows, schema_overrides=types, infer_schema_length=None), Feedback)


@pytest.mark.parametrize(
    ("event", "polarity", "strength"),
    [
        ({"kind": "thumb", "score": 1.0}, "satisfied", 1.0),
        ({"kind": "thumb", "score": -1.0}, "dissatisfied", 1.0),
        ({"kind": "rating", "score": 0.5}, "satisfied", 0.5),
        ({"kind": "rating", "score": -0.25}, "dissatisfied", 0.25),
        ({"kind": "choice", "other": "b" * 32}, "satisfied", 1.0),
        ({"kind": "copy"}, "satisfied", 0.4),
        ({"kind": "edit", "text": "better"}, "dissatisfied", 0.8),
        ({"kind": "regenerate"}, "dissatisfied", 0.6),
        ({"kind": "abandon"}, "dissatisfied", 0.2),
        ({"kind": "report", "score": 1.0}, "dissatisfied", 1.0),  # whatever it scores, a report is none of praise
    ],
)
def test_what_each_kind_says_and_how_strongly(event: dict[str, object], polarity: str, strength: float) -> None:
    found = detect(heard(event))
    assert found.select("polarity", "strength", "rubric").row(0) == (polarity, strength, event["kind"])
    assert Signal.validate(found).height == 1


def test_that_an_answer_hurts_nobody_does_not_make_it_good() -> None:
    spam = {"kind": "rating", "aspect": "spam"}
    found = detect(heard(spam | {"score": 1.0}, spam | {"score": -0.5}, spam | {"aspect": "quality", "score": 1.0}))
    assert found.select("polarity", "strength").rows() == [("dissatisfied", 0.5), ("satisfied", 1.0)]


def test_what_says_nothing_gives_no_signal() -> None:
    silent = [{"kind": "rating", "score": 0.0}, {"kind": "comment", "text": "hm"}, {"kind": "followup", "text": "and?"}]
    assert detect(heard(*silent)).is_empty()
    assert detect(empty(Feedback)).is_empty()
    assert detect(heard(*silent)).schema == detect(heard({"kind": "copy"})).schema


def test_signals_name_their_feedback_in_its_order_and_carry_its_words() -> None:
    feedback = heard(
        {"kind": "thumb", "score": 1.0, "user": "ada"},
        {"kind": "comment", "text": "hm"},
        {"kind": "edit", "text": "Shorter."},
        {"kind": "thumb", "score": 1.0, "user": "bob"},
    )
    found = detect(feedback)
    assert found["feedback"].to_list() == feedback["id"].gather([0, 2, 3]).to_list()
    assert found["evidence"].to_list() == [None, "Shorter.", None]
    assert found["interaction"].unique().to_list() == ["a" * 32]
    assert found["id"].n_unique() == 3
    assert found.equals(detect(feedback))
