"""What a record has to keep to, and what is said of one that does not."""

from typing import Any

import polars as pl
import pytest
from pandera.errors import SchemaErrors

from components.records.messages import MESSAGES
from components.records.schemas import FEEDBACK_KINDS, Feedback, Interaction, Preference, Record, as_records
from components.validation.contracts import check


def said(role: str, content: str | None) -> dict[str, str | None]:
    return {"role": role, "content": content}


UNKNOWN_ROLE = "has a message whose role is not one of system, user, assistant, tool"
PREFERENCE: dict[str, Any] = {
    "prompt": [said("user", "パンは?")],
    "chosen": [said("assistant", "はい 🍞")],
    "rejected": [said("assistant", "いいえ")],
    "strength": 1.0,
    "weight": 1.0,
    "source": "trl",
    "provenance": ["a.jsonl:1"],
}
INTERACTION: dict[str, Any] = {"prompt": [said("user", "hi")], "response": [said("assistant", "yo")], "source": "heed"}
FEEDBACK: dict[str, Any] = {"interaction": "0" * 32, "kind": "thumb", "score": 1.0, "source": "heed"}


def records(schema: type[Record], *rows: dict[str, Any]) -> pl.DataFrame:
    spoken = {key: MESSAGES for key in rows[0] if key in ("prompt", "chosen", "rejected", "response")}
    return as_records(pl.DataFrame(rows, schema_overrides=spoken), schema)


@pytest.mark.parametrize(
    ("schema", "sound", "change", "reason"),
    [
        (Preference, PREFERENCE, {"strength": 2.0}, "strength is 2.0, must be less than or equal to 1"),
        (Preference, PREFERENCE, {"strength": 0.0}, "strength is 0.0, must be greater than 0"),
        (Preference, PREFERENCE, {"weight": -1.0}, "weight is -1.0, must be greater than 0"),
        (Preference, PREFERENCE, {"position": 3}, "position is 3, must be one of 1, 2"),
        (Preference, PREFERENCE, {"weight": float("nan")}, "weight is not a number"),
        (Preference, PREFERENCE, {"weight": None}, "weight is missing"),
        (Preference, PREFERENCE, {"prompt": None}, "prompt is missing"),
        (Preference, PREFERENCE, {"prompt": []}, "prompt has no message"),
        (Preference, PREFERENCE, {"rejected": []}, "rejected has no message"),
        (
            Preference,
            PREFERENCE,
            {"prompt": [said("human", "hi")]},
            f"prompt {UNKNOWN_ROLE}",
        ),
        (Preference, PREFERENCE, {"chosen": [said("assistant", " \n")]}, "chosen has a message that says nothing"),
        (
            Preference,
            PREFERENCE,
            {"prompt": [said("user", None), said("user", "hi")]},
            "prompt has a message that says nothing",
        ),
        (
            Preference,
            PREFERENCE,
            {"prompt": [said("user", "hi"), said("assistant", "yo")]},
            "prompt ends with the assistant, so there is nothing to answer",
        ),
        (Preference, PREFERENCE, {"rejected": [said("assistant", " はい 🍞\n")]}, "chosen and rejected say the same"),
        (
            Preference,
            PREFERENCE,
            {"strength": 2.0, "weight": 0.0},
            "strength is 2.0, must be less than or equal to 1; weight is 0.0, must be greater than 0",
        ),
        (Interaction, INTERACTION, {"response": []}, "response has no message"),
        (
            Interaction,
            INTERACTION,
            {"response": [said("bot", "yo")]},
            f"response {UNKNOWN_ROLE}",
        ),
        (
            Feedback,
            FEEDBACK,
            {"kind": "like"},
            f"kind is like, must be one of {', '.join(FEEDBACK_KINDS)}",
        ),
        (Feedback, FEEDBACK, {"score": 5.0}, "score is 5.0, must be less than or equal to 1"),
    ],
)
def test_a_record_that_breaks_a_rule_is_set_apart_with_the_rule_in_words(
    schema: type[Record], sound: dict[str, Any], change: dict[str, Any], reason: str
) -> None:
    frame = records(schema, {**sound, **change}, sound)
    kept, bad = check(frame, schema)
    assert kept.equals(frame[1:])
    assert bad.drop("reason").equals(frame[:1], null_equal=True)
    assert bad["reason"].to_list() == [reason]


def test_sound_records_all_stay_in_order() -> None:
    frame = records(Preference, *({**PREFERENCE, "rater": f"{i}"} for i in range(50)))
    sound, bad = check(frame, Preference)
    assert sound.equals(frame)
    assert bad.is_empty()
    assert bad.columns == [*frame.columns, "reason"]


def test_no_records_are_sound() -> None:
    assert [len(part) for part in check(records(Preference, PREFERENCE).clear(), Preference)] == [0, 0]


def test_of_the_same_record_twice_the_first_stays_and_neither_is_bad() -> None:
    again = {**PREFERENCE, "provenance": ["b.jsonl:9"]}
    sound, bad = check(records(Preference, PREFERENCE, {**PREFERENCE, "rater": "ada"}, again), Preference)
    assert sound["provenance"].to_list() == [["a.jsonl:1"], ["a.jsonl:1"]]
    assert bad.is_empty()


def test_a_bad_record_does_not_hide_a_sound_one_that_says_the_same() -> None:
    sound, bad = check(records(Preference, {**PREFERENCE, "strength": 2.0}, PREFERENCE), Preference)
    assert sound["strength"].to_list() == [1.0]
    assert bad["strength"].to_list() == [2.0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda frame: frame.drop("weight"),
        lambda frame: frame.with_columns(extra=1),
        lambda frame: frame.with_columns(strength=pl.lit("1")),
    ],
)
def test_a_frame_of_the_wrong_shape_is_our_own_mistake_and_raises(spoil: Any) -> None:
    with pytest.raises(SchemaErrors):
        check(spoil(records(Preference, PREFERENCE)), Preference)
