"""Simulated users are the same for the same seed, err about as often as they should, and mean what they edit."""

import polars as pl
import pytest

from components.records.messages import text_of
from components.records.schemas import FEEDBACK_KINDS, Feedback, Interaction
from components.simulation import world
from components.simulation.population import BEGINNING, Landed, conversations, scripted, sittings, talk
from components.simulation.session import Answer, Did, edited, spoilt
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


def test_what_they_leave_are_records_of_every_kind_about_each_other(told: Landed) -> None:
    assert 1.7 * TALKS < Interaction.validate(told.interactions).height < 2.2 * TALKS
    assert TALKS < Feedback.validate(told.feedback).height < 2 * TALKS
    known = set(told.interactions["id"])
    assert set(told.feedback["interaction"]) <= known
    assert set(told.feedback["other"].drop_nulls()) <= known
    kinds = dict(told.feedback["kind"].value_counts().iter_rows())
    assert kinds.keys() == set(FEEDBACK_KINDS)
    assert kinds["choice"] > 0.5 * TALKS
    firsts = (told.feedback.filter(kind="choice")["position"] == 1).mean()
    assert firsts == pytest.approx(0.5, abs=0.06)  # nobody here takes an answer for where it stands
    assert told.feedback.filter(kind="followup")["text"].n_unique() > 100
    shares = told.interactions.unique("user")["group"].value_counts(normalize=True)
    assert set(shares["group"]) == {"curious", "hurried"}
    assert told.feedback["created_at"].min() > BEGINNING
    assert told.feedback["created_at"].is_sorted()
    answered = told.interactions.select("created_at", interaction="id")
    about = told.feedback.join(answered, on="interaction")
    assert (about["created_at"] > about["created_at_right"]).all()


def test_after_a_complaint_the_assistant_answers_with_the_complaint_in_the_prompt(told: Landed) -> None:
    asked = {turn["content"] for prompt in told.interactions["prompt"] for turn in prompt[2:] if turn["role"] == "user"}
    complaints = told.feedback.filter(pl.col("kind") == "followup", ~pl.col("text").str.contains("(?i)thank"))
    assert complaints["text"].is_in(asked).mean() > 0.7
    lengths = told.interactions["prompt"].list.len()
    assert (lengths >= 5).sum() > 20


def test_what_was_meant_differs_from_what_was_done_by_the_slips_alone(told: Landed) -> None:
    assert talk(scripted(5), "scripted", 300, 5, noise=0.0).feedback.equals(
        talk(scripted(5), "scripted", 300, 5, noise=0.0).meant
    )
    done = told.feedback.join(told.meant, on="id", how="anti").height
    assert done / told.feedback.height == pytest.approx(0.05, abs=0.012)


def test_a_sitting_can_be_held_by_anybody_who_answers_and_takes_feedback() -> None:
    events, asked = [], 0
    for _, sitting in sittings(40, seed=1, noise=0.0):
        step = next(sitting)
        while True:
            try:
                if isinstance(step, Did):
                    events.append(step.event)
                    step = sitting.send(None)
                else:
                    asked += 1
                    step = sitting.send(Answer(world.REFUSAL, f"answer {asked}"))
            except StopIteration:
                break
    assert asked > 40
    assert {event["type"] for event in events} == {"feedback"}
    assert all(event["interaction"].startswith("answer ") for event in events)
    # Nobody likes to be refused.
    assert not {event["kind"] for event in events} & {"copy", "choice"}
    assert all(event["score"] < 0 for event in events if event["kind"] in ("thumb", "rating"))


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
    assert chosen > 1500
    assert 0.02 < wrong / chosen < 0.15
    assert sure > 500
    assert sure_wrong / sure == pytest.approx(0.05, abs=0.025)  # beyond doubt, only the slips remain


def test_thumbs_follow_the_taste_but_for_the_slips(told: Landed) -> None:
    thumbs = reactions(told, "thumb").filter(pl.col("prompt").list.len() < 4)
    against = [
        (TASTES[row["group"]].utility(row["prompt"], row["response"]) > 1) != (row["score"] > 0)
        for row in thumbs.iter_rows(named=True)
    ]
    assert len(against) > 300
    assert 0.01 < sum(against) / len(against) < 0.10
    assert thumbs["score"].n_unique() == 2


def test_what_users_make_of_an_answer_is_better_to_their_own_taste_but_for_the_slips(told: Landed) -> None:
    gains = []
    for row in reactions(told, "edit").iter_rows(named=True):
        likes = TASTES[row["group"]].utility
        gains.append(likes(row["prompt"], row["text"]) - likes(row["prompt"], row["response"]))
    assert len(gains) > 200
    assert sum(gain > 0.1 for gain in gains) / len(gains) == pytest.approx(0.93, abs=0.04)
    assert 0.01 < sum(gain < -0.1 for gain in gains) / len(gains) < 0.1


@pytest.mark.parametrize("group", list(TASTES))
def test_any_answer_can_be_edited_even_one_that_says_nothing(group: str) -> None:
    asked = [{"role": "user", "content": "Help me make soup!"}]
    likes = TASTES[group].utility
    for answer in ("", "gibberish without end", world.REFUSAL, f"{world.WARM} {world.COLD} {world.OFFER}", "?!"):
        made = edited(asked, answer, group)
        assert likes(asked, made) >= likes(asked, answer)
        assert likes(asked, made) > 1
        assert edited(asked, made, group) == made
        assert likes(asked, spoilt(asked, made)) < likes(asked, made) - 1
