"""Pairs out of retries, corrections and ratings, and out of feedback that contradicts itself."""

import polars as pl
import pytest

from components.preferences.builders.correction import standing_alone
from components.preferences.building import heard
from components.records.messages import message

TEA = "How do I make tea?"
SHORTER = "Shorter, please."


@pytest.mark.parametrize("linked", [True, False])
def test_the_answer_that_ended_the_retries_beats_each_one_before(story, linked: bool) -> None:
    first, second, third = (story.answer(TEA, text) for text in ("Boil milk.", "Boil.", "Boil water."))
    story.answer(TEA, "Ask bob.", user="bob")
    story.did("regenerate", first, **({"other": second} if linked else {}))
    story.did("regenerate", second, **({"other": third} if linked else {}))
    story.did("thumb", third, score=1.0)
    assert sorted(story.pairs()) == [(TEA, "Boil water.", "Boil milk."), (TEA, "Boil water.", "Boil.")]
    sure = story.made().preferences["strength"]
    story.feedback = story.feedback.filter(pl.col("kind") == "regenerate")
    assert len(story.pairs()) == 2
    assert story.made().preferences["strength"].max() < sure.min()  # they may just have given up


def test_retries_that_end_with_a_disliked_answer_or_nowhere_or_in_a_circle_are_no_pair(story) -> None:
    first, second = story.answer(TEA, "Boil milk."), story.answer(TEA, "Boil.")
    story.did("regenerate", first)
    story.did("thumb", second, score=-1.0)
    lost = story.answer("And coffee?", "Grind.")
    story.did("regenerate", lost)
    one, two = story.answer("And soup?", "Fry."), story.answer("And soup?", "Cook.")
    story.did("regenerate", one, other=two)
    story.did("regenerate", two, other=one)
    assert story.pairs() == []
    assert story.made().unpaired["desirable"].to_list() == [False] * 5


def test_a_retry_of_the_same_question_is_the_next_answer_not_one_to_another_retry_weeks_later(story) -> None:
    first, _, third, _ = (story.answer(TEA, text) for text in ("Boil milk.", "Boil.", "Stir milk.", "Boil water."))
    story.did("regenerate", first)
    story.did("regenerate", third)
    assert sorted(story.pairs()) == [(TEA, "Boil water.", "Stir milk."), (TEA, "Boil.", "Boil milk.")]


def test_the_answer_after_a_correction_that_satisfied_beats_the_one_that_provoked_it_and_stands_alone(story) -> None:
    long = story.answer(TEA, "First, find a kettle that you like.")
    story.did("followup", long, polarity="dissatisfied", text=SHORTER)
    still = story.answer([TEA, "First, find a kettle that you like.", SHORTER], "Find a kettle. Boil water.")
    story.did("followup", still, polarity="dissatisfied", text="Still too long!")
    turns = [TEA, "First, find a kettle that you like.", SHORTER, "Find a kettle. Boil water.", "Still too long!"]
    short = story.answer(turns, "Sorry about that. Boil water.")
    story.did("followup", short, polarity="satisfied", text="Thanks!")
    assert sorted(story.pairs()) == [
        (TEA, "Boil water.", "First, find a kettle that you like."),
        (SHORTER, "Boil water.", "Find a kettle. Boil water."),
    ]
    made = story.made()
    named = dict(story.signals.select("id", "feedback").iter_rows())
    first = made.preferences.filter(pl.col("prompt").list.len() == 1)
    assert [named[signal] for signal in first["provenance"][0]] == [
        story.feedback["id"][2],
        story.feedback["id"][0],
    ]
    assert made.unpaired.is_empty()


def test_a_correction_that_did_not_help_or_that_another_user_liked_or_that_is_a_new_question_is_no_pair(story) -> None:
    long = story.answer(TEA, "Find a kettle.")
    story.did("followup", long, polarity="dissatisfied", text=SHORTER)
    again = story.answer([TEA, "Find a kettle.", SHORTER], "Kettle!")
    story.did("thumb", again, score=-1.0)
    story.did("thumb", again, score=1.0, user="bob")
    other = story.answer([TEA, "Find a kettle.", "And coffee?"], "Grind beans.")
    story.did("thumb", other, score=1.0)
    assert story.pairs() == []


@pytest.mark.parametrize(
    ("told", "alone"),
    [
        ("Sorry about that! Boil water.", "Boil water."),
        ("You're absolutely right, I apologize for the confusion. Boil water.", "Boil water."),
        ("I'm so sorry, the capital is Canberra.", "The capital is Canberra."),
        ("Thank you for pointing that out. My mistake — it is 4.", "It is 4."),
        ("My apologies for the error:\n\n1. Boil", "1. Boil"),
        ("Sorry, but I cannot help with that.", "Sorry, but I cannot help with that."),
        ("Sorry seems to be the hardest word.", "Sorry seems to be the hardest word."),
        ("You are right-handed if you write with it.", "You are right-handed if you write with it."),
        ("I apologize.", ""),
    ],
)
def test_an_apology_is_taken_off_and_nothing_else(told: str, alone: str) -> None:
    frame = pl.DataFrame({"text": [told]}).select(response=message("assistant", pl.col("text")))
    assert frame.select(standing_alone(pl.col("response"))).item()[0]["content"] == alone


def test_the_best_rated_answer_beats_each_rated_lower_even_if_none_is_bad(story) -> None:
    rated = {text: story.answer(TEA, text) for text in ("Boil water.", "Boil.", "Stir.", "Boil milk.")}
    for (text, about), score in zip(rated.items(), (1.0, 0.5, 1.0, -1.0), strict=True):
        story.did("rating", about, score=score, aspect="helpfulness")
        story.did("rating", about, score=score if text != "Stir." else 0.0, aspect="depth")
    assert sorted(story.pairs()) == [
        (TEA, "Boil water.", "Boil milk."),
        (TEA, "Boil water.", "Boil."),
        (TEA, "Boil water.", "Stir."),
        (TEA, "Boil.", "Boil milk."),
        (TEA, "Stir.", "Boil milk."),
    ]
    sure = dict(zip(story.pairs(), story.made().preferences["strength"], strict=True))
    assert sure[TEA, "Boil water.", "Boil milk."] > sure[TEA, "Boil water.", "Boil."]


def test_an_answer_counts_as_liked_or_disliked_by_all_that_its_user_said_of_it(story) -> None:
    mixed, bad = story.answer(TEA, "Boil water."), story.answer(TEA, "Boil milk.")
    story.did("copy", mixed)
    story.did("followup", mixed, polarity="dissatisfied", strength=0.9, text="No, that's wrong.")
    story.did("thumb", bad, score=1.0)
    assert story.pairs() == [(TEA, "Boil milk.", "Boil water.")]


def test_a_choice_is_backed_or_weakened_by_what_else_the_user_said_of_the_two(story) -> None:
    strengths = []
    taken, left = story.answer(TEA, "Boil water."), story.answer(TEA, "Boil milk.")
    story.did("choice", taken, other=left)
    story.did("thumb", left, score=1.0)
    strengths += story.made().preferences["strength"].to_list()
    story.did("followup", left, polarity="satisfied", text="Oh, great!")
    story.did("thumb", taken, score=-1.0)
    assert story.pairs() == [(TEA, "Boil milk.", "Boil water.")]  # the slip was the choice
    strengths += story.made().preferences["strength"].to_list()
    assert 0 < strengths[1] < strengths[0] < 1
    account = {row["kind"]: row for row in story.made().account.iter_rows(named=True)}
    assert account["choice"]["contradicted"] == 1
    assert account["thumb"]["pairs"] == 2


def test_a_pair_tells_where_its_chosen_answer_was_shown_whatever_was_said_of_it_since(story) -> None:
    taken, left = story.answer(TEA, "Boil water."), story.answer(TEA, "Boil milk.")
    story.did("thumb", left, score=1.0, user="bob")
    story.did("thumb", taken, score=-1.0, user="bob")
    assert story.made().preferences["position"].to_list() == [None]  # bob never saw them beside each other
    story.did("choice", taken, other=left, position=2)
    positions = story.made().preferences.sort("rater").select("rater", "position").rows()
    assert positions == [("ada", 2), ("bob", None)]
    story.did("thumb", left, score=1.0)
    story.did("followup", left, polarity="satisfied", text="Oh, great!")
    story.did("thumb", taken, score=-1.0)
    now = story.made().preferences.filter(rater="ada")
    assert now.select("position").row(0) == (1,)  # the slip was the choice, and what is chosen now stood first


def test_every_signal_is_accounted_for_and_the_weak_are_left_out(story) -> None:
    liked, left, alone = story.answer(TEA, "Boil."), story.answer(TEA, "Boil."), story.answer("Coffee?", "Grind.")
    story.did("choice", liked, other=left)  # between two answers that say the same
    story.did("choice", liked, other=alone)  # between answers to different questions
    story.did("thumb", alone, score=1.0)
    story.did("thumb", alone, score=1.0, user="bob")
    story.did("report", alone, user="bob")
    story.did("abandon", left)
    story.did("thumb", "f" * 32, score=1.0)
    made = story.made()
    assert made.preferences.is_empty()
    assert made.unpaired.select("rater", "desirable", "strength").rows() == [("ada", True, 1.0)]
    fates = {row.pop("kind"): {k: v for k, v in row.items() if v} for row in made.account.iter_rows(named=True)}
    assert fates == {
        "abandon": {"signals": 1, "weak": 1},
        "choice": {"signals": 2, "alike": 1, "unknown": 1},
        "report": {"signals": 1, "contradicted": 1},
        "thumb": {"signals": 3, "unpaired": 1, "contradicted": 1, "unknown": 1},
    }
    assert story.made(least_strength=0.1).unpaired.height == 2
    again = story.answer("Coffee?", "Grind.")
    story.did("thumb", again, score=1.0)
    assert story.made().unpaired["provenance"].list.len().to_list() == [2]


def test_what_people_say_whose_names_nobody_knows_is_kept_but_not_taken_for_one_persons_opinion(story) -> None:
    one, two = story.answer(TEA, "Boil water.", user=None), story.answer(TEA, "Boil milk.", user=None)
    story.did("choice", one, other=two, user=None)
    story.did("choice", two, other=one, user=None)
    assert len(story.pairs()) == 2
    assert story.made().preferences["rater"].to_list() == [None, None]


def test_what_is_heard_has_a_row_for_each_signal_and_one_for_words_nobody_could_read(story) -> None:
    tea = story.answer(TEA, "Boil milk.")
    both = story.did("followup", tea, polarity="satisfied", rubric="gratitude", text="Thanks, but use water.")
    story.words = pl.concat([story.words, story.words.with_columns(id=pl.lit("0" * 32), rubric=pl.lit("revision"))])
    unread = story.did("comment", tea, text="hm")
    story.did("thumb", "f" * 32, score=1.0)
    found = heard(story.feedback, story.interactions, story.signals)
    assert found.select("id", "rubric").rows() == [(both, "gratitude"), (both, "revision"), (unread, None)]
    assert found["response"][0][0]["content"] == "Boil milk."
