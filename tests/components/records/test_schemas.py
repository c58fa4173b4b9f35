"""The record types take the examples they are explained with, and refuse what nothing can be made of."""

from typing import Any

import polars as pl
import pytest
from pandera.errors import SchemaError, SchemaErrors

from components.records.messages import MESSAGES, asked, text_of
from components.records.schemas import (
    KINDS,
    Checklist,
    Feedback,
    Interaction,
    Preference,
    Record,
    Signal,
    Unpaired,
    as_records,
    dtypes,
    empty,
)


def said(role: str, *contents: str | None) -> list[dict[str, str | None]]:
    return [{"role": role, "content": content} for content in contents]


EXAMPLES: dict[type[Record], dict[str, Any]] = {
    Interaction: {
        "prompt": said("user", "How do I bake bread?"),
        "response": said("assistant", "Mix flour and water."),
        "model": "heed-policy/3",
        "source": "docs",
    },
    Feedback: {"interaction": "a" * 32, "kind": "choice", "other": "b" * 32, "source": "docs"},
    Signal: {
        "feedback": "7f" * 16,
        "interaction": "a" * 32,
        "polarity": "dissatisfied",
        "rubric": "edit",
        "strength": 1.0,
        "detector": "explicit/1",
    },
    Preference: {
        "prompt": said("user", "hi"),
        "chosen": said("assistant", "Hello!"),
        "rejected": said("assistant", "What."),
        "strength": 1.0,
        "weight": 1.0,
        "source": "docs",
        "provenance": ["a.jsonl:1"],
    },
    Unpaired: {
        "prompt": said("user", "hi"),
        "response": said("assistant", "What."),
        "desirable": False,
        "strength": 0.8,
        "weight": 1.0,
        "source": "docs",
        "provenance": ["a.jsonl:1"],
    },
    Checklist: {
        "prompt": said("user", "Tell me about tea"),
        "wishes": ["shorter please", "no lists"],
        "rater": "ada",
        "source": "docs",
        "provenance": ["7f" * 16, "8f" * 16],
    },
}


def record(schema: type[Record], **changes: Any) -> pl.DataFrame:
    row = {name: [value] for name, value in (EXAMPLES[schema] | changes).items()}
    types = dtypes(schema)
    return as_records(pl.DataFrame(row, schema={name: types[name] for name in row}), schema)


@pytest.mark.parametrize("schema", list(EXAMPLES))
def test_the_example_of_the_docstring_is_a_record(schema: type[Record]) -> None:
    assert schema.validate(record(schema)).height == 1
    assert schema.validate(empty(schema)).height == 0


@pytest.mark.parametrize(
    ("schema", "changes", "reason"),
    [
        (Interaction, {"prompt": []}, "has no message"),
        (Interaction, {"response": None}, "prompt|response|null"),
        (Interaction, {"prompt": said("robot", "hi")}, "role is not one of"),
        (Interaction, {"prompt": said(None, "hi")}, "role is not one of"),
        (Interaction, {"response": said("assistant", "fine", " \n")}, "says nothing"),
        (Interaction, {"response": said("assistant", None)}, "says nothing"),
        (Interaction, {"prompt": said("assistant", "hi")}, "nothing to answer"),
        (Interaction, {"source": None}, "source"),
        (Interaction, {"id": "not-an-id"}, "str_matches"),
        (Feedback, {"kind": "applause"}, "isin"),
        (Feedback, {"score": 1.5}, "less_than_or_equal_to"),
        (Feedback, {"score": float("nan")}, "score"),
        (Feedback, {"interaction": None}, "interaction"),
        (Feedback, {"other": None}, "needs the other answer"),
        (Feedback, {"kind": "rating"}, "needs a score"),
        (Feedback, {"kind": "followup"}, "needs its text"),
        (Feedback, {"position": 0}, "isin"),
        (Feedback, {"kind": "thumb", "score": 1.0, "position": 1}, "only a choice has a position"),
        (Signal, {"strength": 0.0}, "greater_than"),
        (Signal, {"polarity": "bored"}, "isin"),
        (Preference, {"rejected": said("assistant", " Hello! ")}, "say the same"),
        (Preference, {"weight": 0.0}, "greater_than"),
        (Preference, {"position": 3}, "isin"),
        (Preference, {"strength": 1.2}, "less_than_or_equal_to"),
        (Preference, {"chosen": said("assistant", "")}, "says nothing"),
        (Unpaired, {"desirable": None}, "desirable"),
        (Unpaired, {"response": []}, "has no message"),
        (Checklist, {"wishes": []}, "has no wish"),
    ],
)
def test_a_row_nothing_can_be_made_of_is_refused(schema: type[Record], changes: dict[str, Any], reason: str) -> None:
    bad = record(schema, **changes)
    with pytest.raises(SchemaErrors, match=reason):
        schema.validate(bad, lazy=True)


def test_two_rows_with_one_id_and_a_column_too_many_are_refused() -> None:
    one = record(Feedback)
    with pytest.raises(SchemaErrors, match="field_uniqueness"):
        Feedback.validate(pl.concat([one, one]), lazy=True)
    with pytest.raises(SchemaError, match="mood"):
        Feedback.validate(one.with_columns(mood=pl.lit("bright")))


@pytest.mark.parametrize("schema", KINDS.values())
def test_whatever_columns_a_reader_found_records_have_theirs_in_order(schema: type[Record]) -> None:
    last = list(dtypes(schema))[-1]
    found = record(schema).select(last, mood=pl.lit("bright"))
    assert as_records(found, schema).columns == list(dtypes(schema))


def test_what_users_say_is_told_from_what_is_said_to_them() -> None:
    talks = [
        [*said("system", "Be brief."), *said("user", "Hi"), *said("assistant", "Hello"), *said("user", "Bread?")],
        said("system", "Go."),
        [],
    ]
    frame = pl.DataFrame({"talk": talks}, schema={"talk": MESSAGES})
    assert frame.select(asked(pl.col("talk"))).to_series().to_list() == ["Hi\n\nBread?", None, None]
    assert frame.select(text_of(pl.col("talk"))).to_series().to_list() == [
        "Be brief.\n\nHi\n\nHello\n\nBread?",
        "Go.",
        "",
    ]
