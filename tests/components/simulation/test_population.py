"""Simulated users are the same for the same seed, err about as often as they should, and mean what they edit."""

from itertools import pairwise

import polars as pl
import pytest

from components.records.messages import text_of
from components.records.schemas import Feedback, Interaction
from components.simulation import world
from components.simulation.population import BEGINNING, Landed, conversations, edited, scripted, talk
from components.simulation.tastes import TASTES

TALKS = 3000


@pytest.fixture(scope="module")
def told() -> Landed:
    return talk(scripted(3), "scripted", TALKS, 3)


def test_the_same_seed_tells_the_same_and_another_another() -> None:
    first, again, other = (talk(scripted(seed), "scripted", 150, seed) for seed in (7, 7, 8))
    assert first.interactions.equals(again.interactions)
    assert first.feedback.equals(again.feedback)
    assert not set(first.interactions["id"]) & set(other.interactions["id"])
    assert not set(first.feedback["id"]) & set(other.feedback["id"])
    assert conversations(20, 7).equals(conversations(20, 7))
    assert not conversations(20, 7).equals(conversations(20, 8))


def test_what_they_leave_are_records_about_each_other(told: Landed) -> None:
    assert Interaction.validate(told.interactions).height == pytest.approx(2 * TALKS, abs=TALKS / 20)
    assert Feedback.validate(told.feedback).height == TALKS
    known = set(told.interactions["id"])
    assert set(told.feedback["interaction"]) <= known
    assert set(told.feedback["other"].drop_nulls()) <= known
    kinds = dict(told.feedback["kind"].value_counts().iter_rows())
    assert kinds.keys() == {"choice", "edit", "thumb"}
    assert 0.65 < kinds["choice"] / TALKS < 0.8
    assert told.feedback["group"].value_counts(normalize=True).sort("group")["proportion"].to_list() == pytest.approx(
        [0.6, 0.4], abs=0.03
    )
    assert told.feedback["created_at"].min() > BEGINNING
    assert all(earlier < later for earlier, later in pairwise(told.feedback["created_at"]))


def reactions(told: Landed, kind: str) -> pl.DataFrame:
    """Feedback of a kind with what was asked and answered, as a user's taste reads it."""
    about = told.interactions.select("prompt", interaction="id", response=text_of(pl.col("response")))
    passed = told.interactions.select(other="id", rejected=text_of(pl.col("response")))
    return (
        told.feedback.filter(kind=kind)
        .join(about, on="interaction", maintain_order="left")
        .join(passed, on="other", how="left", maintain_order="left")
    )


def test_choices_go_against_the_true_taste_about_as_often_as_fingers_slip(told: Landed) -> None:
    wrong = sure = sure_wrong = 0
    for row in reactions(told, "choice").iter_rows(named=True):
        likes = TASTES[row["group"]].utility
        gain = likes(row["prompt"], row["response"]) - likes(row["prompt"], row["rejected"])
        wrong += gain < -1e-9
        sure += abs(gain) > 2
        sure_wrong += gain < -2
    chosen = reactions(told, "choice").height
    assert chosen > 1900
    assert 0.02 < wrong / chosen < 0.15
    assert sure > 500
    assert sure_wrong / sure == pytest.approx(0.05, abs=0.025)  # beyond doubt, only the slips remain


def test_thumbs_follow_the_taste_but_for_the_slips(told: Landed) -> None:
    thumbs = reactions(told, "thumb")
    against = [
        (TASTES[row["group"]].utility(row["prompt"], row["response"]) > 1) != (row["score"] > 0)
        for row in thumbs.iter_rows(named=True)
    ]
    assert len(against) > 300
    assert 0.01 < sum(against) / len(against) < 0.10
    assert thumbs["score"].n_unique() == 2


def test_what_users_make_of_an_answer_is_never_worse_to_their_own_taste(told: Landed) -> None:
    better = 0
    edits = list(reactions(told, "edit").iter_rows(named=True))
    for row in edits:
        likes = TASTES[row["group"]].utility
        gain = likes(row["prompt"], row["text"]) - likes(row["prompt"], row["response"])
        assert gain >= -1e-9, row
        better += gain > 0.1
    assert len(edits) > 200
    assert better / len(edits) > 0.95


@pytest.mark.parametrize("group", list(TASTES))
def test_any_answer_can_be_edited_even_one_that_says_nothing(group: str) -> None:
    asked = [{"role": "user", "content": "Help me make soup!"}]
    likes = TASTES[group].utility
    for answer in ("", "gibberish without end", world.REFUSAL, f"{world.WARM} {world.COLD} {world.OFFER}", "?!"):
        made = edited(asked, answer, group)
        assert likes(asked, made) >= likes(asked, answer)
        assert likes(asked, made) > 1
        assert edited(asked, made, group) == made
