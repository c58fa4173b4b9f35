"""Pairs out of feedback: which answer is chosen, which rejected, how surely, and by what evidence."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from components.config import Settings
from components.feedback.signals import appoint, detect
from components.preferences.building import build
from components.records.messages import text_of
from components.records.schemas import Feedback, Interaction, Preference, as_records, empty
from components.validation.batch import judge
from components.workspace import Workspace

BREAD, SOUP = "How do I bake bread?", "How do I make soup?"


def interactions(*said: tuple[str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "prompt": [[{"role": "user", "content": prompt}] for prompt, _ in said],
            "response": [[{"role": "assistant", "content": response}] for _, response in said],
        }
    )
    return as_records(frame.with_columns(source=pl.lit("test")), Interaction)


def feedback(*events: dict[str, object]) -> pl.DataFrame:
    """Events a minute apart unless they say when."""
    rows = [
        {"user": "ada", "source": "test", "created_at": datetime(2026, 1, 5, 8, minute, tzinfo=UTC), **event}
        for minute, event in enumerate(events)
    ]
    types = {
        "score": pl.Float64,
        "text": pl.String,
        "other": pl.String,
        "user": pl.String,
        "group": pl.String,
        "aspect": pl.String,
    }
    return as_records(pl.DataFrame(rows, schema_overrides=types, infer_schema_length=None), Feedback)


HERE = Workspace(Path(), Settings())


def heard(said: pl.DataFrame, about: pl.DataFrame) -> pl.DataFrame:
    return detect(said, about, appoint(["explicit"], HERE))


def pairs(said: pl.DataFrame, about: pl.DataFrame) -> pl.DataFrame:
    return build(said, about, heard(said, about)).preferences


def told(made: pl.DataFrame) -> list[tuple[str, str, str, float]]:
    """Prompt, chosen and rejected as texts, and strength."""
    texts = (text_of(pl.col(name)) for name in ("prompt", "chosen", "rejected"))
    return made.select(*texts, "strength").rows()


def provenance(said: pl.DataFrame, *rows: int) -> list[str]:
    """Ids of the signals in some of the feedback."""
    found = dict(heard(said, TALK).select("feedback", "id").iter_rows())
    return [found[said["id"][row]] for row in rows]


TALK = interactions((BREAD, "Mix flour."), (BREAD, "Look it up."), (BREAD, "Buy it."), (SOUP, "Fry an onion."))
MIX, LOOK, BUY, FRY = TALK["id"]


def test_a_choice_prefers_the_answer_taken_to_the_one_passed_over() -> None:
    said = feedback({"kind": "choice", "interaction": LOOK, "other": MIX, "group": "hurried"})
    made = pairs(said, TALK)
    assert told(made) == [(BREAD, "Look it up.", "Mix flour.", 1.0)]
    assert made["provenance"].to_list() == [provenance(said, 0)]
    assert made.select("rater", "group", "source", "weight").row(0) == ("ada", "hurried", "test", 1.0)
    assert made["created_at"].to_list() == said["created_at"].to_list()
    assert Preference.validate(made).height == 1


def test_an_edit_prefers_what_the_user_made_of_an_answer() -> None:
    said = feedback({"kind": "edit", "interaction": BUY, "text": "Mix flour and water."})
    made = pairs(said, TALK)
    assert told(made) == [(BREAD, "Mix flour and water.", "Buy it.", 0.8)]
    assert made["chosen"].to_list() == [[{"role": "assistant", "content": "Mix flour and water."}]]
    assert made["provenance"].to_list() == [provenance(said, 0)]


def test_two_thumbs_of_one_user_on_one_prompt_are_a_pair_surer_than_the_weaker_of_them() -> None:
    said = feedback(
        {"kind": "thumb", "interaction": LOOK, "score": -0.5},
        {"kind": "thumb", "interaction": FRY, "score": 1.0},
        {"kind": "thumb", "interaction": MIX, "score": 1.0},
    )
    made = pairs(said, TALK)
    [(*texts, strength)] = told(made)
    assert texts == [BREAD, "Mix flour.", "Look it up."]
    assert 0.5 < strength < 1
    assert made["provenance"].to_list() == [provenance(said, 2, 0)]


def test_thumbs_of_different_users_or_of_nobody_known_are_no_pair() -> None:
    like, dislike = (
        {"kind": "thumb", "interaction": MIX, "score": 1.0},
        {"kind": "thumb", "interaction": LOOK, "score": -1.0},
    )
    assert pairs(feedback(like, dislike | {"user": "bob"}), TALK).is_empty()
    assert pairs(feedback(like | {"user": None}, dislike | {"user": None}), TALK).is_empty()
    assert pairs(feedback(like, like | {"interaction": LOOK}), TALK).is_empty()


def test_a_liked_answer_beats_each_disliked_one_in_whatever_order_the_file_has_the_thumbs() -> None:
    first, then, last = (datetime(2026, 1, 5, hour, tzinfo=UTC) for hour in (8, 9, 10))
    said = feedback(
        {"kind": "thumb", "interaction": BUY, "score": -1.0, "created_at": last},
        {"kind": "thumb", "interaction": LOOK, "score": -1.0, "created_at": first},
        {"kind": "thumb", "interaction": MIX, "score": 1.0, "created_at": then},
    )
    expected = [(BREAD, "Mix flour.", "Buy it.", 1.0), (BREAD, "Mix flour.", "Look it up.", 1.0)]
    assert told(pairs(said, TALK)) == expected
    assert told(pairs(said[::-1], TALK)) == expected


def test_a_user_who_changes_their_mind_is_believed_the_second_time() -> None:
    said = feedback(
        {"kind": "thumb", "interaction": LOOK, "score": 1.0},
        {"kind": "thumb", "interaction": MIX, "score": 1.0},
        {"kind": "thumb", "interaction": LOOK, "score": -1.0},
    )
    assert told(pairs(said, TALK)) == [(BREAD, "Mix flour.", "Look it up.", 1.0)]
    assert pairs(said[[0, 2]], TALK).is_empty()


def test_all_the_builders_work_side_by_side() -> None:
    said = feedback(
        {"kind": "choice", "interaction": MIX, "other": LOOK},
        {"kind": "edit", "interaction": FRY, "text": "Fry two onions."},
        {"kind": "thumb", "interaction": MIX, "score": 1.0},
        {"kind": "thumb", "interaction": BUY, "score": -1.0},
        {"kind": "comment", "interaction": MIX, "text": "nice"},
    )
    assert sorted(told(pairs(said, TALK))) == [
        (BREAD, "Mix flour.", "Buy it.", 1.0),
        (BREAD, "Mix flour.", "Look it up.", 1.0),
        (SOUP, "Fry two onions.", "Fry an onion.", 0.8),
    ]


def test_what_one_user_says_twice_is_one_pair_and_what_two_say_is_two() -> None:
    choice = {"kind": "choice", "interaction": MIX, "other": LOOK}
    like, dislike = (
        {"kind": "thumb", "interaction": MIX, "score": 1.0},
        {"kind": "thumb", "interaction": LOOK, "score": -1.0},
    )
    once = pairs(feedback(choice, choice, like, dislike), TALK)
    assert told(once) == [(BREAD, "Mix flour.", "Look it up.", 1.0)]
    assert pairs(feedback(choice, choice | {"user": "bob"}), TALK)["rater"].to_list() == ["ada", "bob"]
    regrouped = pairs(feedback(choice, choice | {"group": "hurried"}), TALK)
    assert regrouped.select("rater", "group").rows() == [("ada", "hurried")]


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "choice", "interaction": "f" * 32, "other": MIX},
        {"kind": "choice", "interaction": MIX, "other": "f" * 32},
        {"kind": "choice", "interaction": MIX, "other": FRY},  # an answer to another prompt
        {"kind": "edit", "interaction": "f" * 32, "text": "better"},
        {"kind": "thumb", "interaction": "f" * 32, "score": 1.0},
    ],
)
def test_feedback_about_an_answer_nobody_knows_or_that_was_asked_for_otherwise_is_no_pair_and_spoils_none(
    event: dict[str, object],
) -> None:
    sound = {"kind": "choice", "interaction": MIX, "other": LOOK}
    assert told(pairs(feedback(event, sound), TALK)) == [(BREAD, "Mix flour.", "Look it up.", 1.0)]
    assert pairs(feedback(event), empty(Interaction)).is_empty()


def test_an_answer_chosen_over_itself_and_an_edit_that_changes_nothing_prefer_nothing() -> None:
    itself = {"kind": "choice", "interaction": MIX, "other": MIX}
    unchanged = {"kind": "edit", "interaction": MIX, "text": "Mix flour."}
    assert pairs(feedback(itself, unchanged), TALK).is_empty()


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"kind": "edit", "interaction": MIX, "text": "Mix flour. "}, "chosen and rejected say the same"),
        ({"kind": "edit", "interaction": MIX, "text": " "}, "chosen has a message that says nothing"),
        ({"kind": "edit", "interaction": MIX, "text": None}, "chosen has a message that says nothing"),
    ],
)
def test_a_pair_nothing_can_be_learnt_from_is_held_with_the_reason(event: dict[str, object], reason: str) -> None:
    sound, held = judge({"preferences": pairs(feedback(event), TALK)})
    assert sound["preferences"].is_empty()
    assert held["reason"].to_list() == [reason]


def test_no_feedback_is_no_pairs() -> None:
    assert pairs(empty(Feedback), TALK).equals(empty(Preference))
