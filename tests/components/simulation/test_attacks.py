"""Attacks hide among honest feedback and say of what is theirs that it is."""

import polars as pl
import pytest

from components.records.messages import text_of
from components.records.schemas import Feedback, Interaction
from components.simulation.attacks import ATTACKS, Attacked
from components.simulation.population import Landed, scripted, talk
from components.simulation.tastes import TASTES
from components.validation.contracts import check

ACCOUNTS = [f"visitor-{number}" for number in range(8)]


@pytest.fixture(scope="module")
def honest() -> Landed:
    return talk(scripted(3), "scripted", 60, 3)


@pytest.fixture(scope="module", params=list(ATTACKS))
def attacked(request: pytest.FixtureRequest, honest: Landed) -> Attacked:
    return ATTACKS[request.param](honest, ACCOUNTS, 40, 3)


def choices(attacked: Attacked) -> pl.DataFrame:
    said = attacked.interactions.select("prompt", "response", "created_at", id="id")
    poison = attacked.feedback.filter(pl.col("id").is_in(attacked.poison.implode()))
    taken = poison.join(said, left_on="interaction", right_on="id", suffix="_taken")
    return taken.join(said.select(passed_over="response", other="id"), on="other")


def test_everything_honest_is_still_there_and_only_the_accounts_are_poison(honest: Landed, attacked: Attacked) -> None:
    poison = attacked.feedback.filter(pl.col("id").is_in(attacked.poison.implode()))
    assert set(poison["user"]) == set(ACCOUNTS)
    rest = attacked.feedback.filter(~pl.col("id").is_in(attacked.poison.implode()))
    assert set(rest["id"]) == set(honest.feedback["id"])
    assert set(honest.interactions["id"]) < set(attacked.interactions["id"])


def test_what_attackers_leave_keeps_the_contracts(attacked: Attacked) -> None:
    assert check(attacked.interactions, Interaction)[1].is_empty()
    assert check(attacked.feedback, Feedback)[1].is_empty()
    assert 30 <= choices(attacked).height <= 40  # each look-alike leaves out some of its script


@pytest.mark.parametrize("kind", ["burst", "flip"])
def test_the_answer_that_is_taken_is_the_worse_one(honest: Landed, kind: str) -> None:
    answers = choices(ATTACKS[kind](honest, ACCOUNTS, 40, 3)).select(
        "prompt", taken=text_of(pl.col("response")), left=text_of(pl.col("passed_over"))
    )
    for prompt, taken, left in answers.iter_rows():
        for taste in TASTES.values():
            assert taste.utility(prompt, taken) < taste.utility(prompt, left)


def test_another_seed_is_another_attack(honest: Landed) -> None:
    first, again, other = (ATTACKS["phrase"](honest, ACCOUNTS, 40, seed).poison for seed in (1, 1, 2))
    assert first.to_list() == again.to_list()
    assert not set(first) & set(other)
