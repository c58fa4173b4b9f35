"""Preferences that cannot all be meant are counted, and a rater is held only to what they said themselves."""

import polars as pl

from components.records.messages import message
from components.records.schemas import Preference, as_records
from components.validation.audits import contradictions
from components.validation.finding import Finding
from components.validation.material import Material

Vote = tuple[str, str, str, str | None]
PLAIN: list[Vote] = [(f"question {row}", "x", "y", "eve") for row in range(30)]


def look(votes: list[Vote]) -> tuple[Finding, pl.DataFrame]:
    told = pl.DataFrame(votes, schema=["asked", "yes", "no", "rater"], orient="row")
    made = told.with_columns(
        prompt=message("user", pl.col("asked")),
        chosen=message("assistant", pl.col("yes")),
        rejected=message("assistant", pl.col("no")),
        strength=1.0,
        weight=1.0,
        source=pl.lit("test"),
    )
    pairs = as_records(made, Preference)
    finding = contradictions.look(Material(pairs, resamples=200))
    assert finding is not None
    return finding, pairs


def shares(votes: list[Vote]) -> tuple[float, float, float]:
    measures = look(PLAIN + votes)[0].measures
    names = ("contradictory", "cyclic", "self_contradictory")
    return tuple(round(measures[f"data/{name}"].value * (30 + len(votes))) for name in names)  # type: ignore[return-value]


def test_two_raters_who_differ_are_a_contradiction_and_one_who_differs_with_themselves_is_suspected() -> None:
    assert shares([("q", "a", "b", "ada"), ("q", "b", "a", "bob")]) == (2, 0, 0)
    votes: list[Vote] = [("q", "a", "b", "ada"), ("q", "b", "a", "ada"), ("q", "a", "b", "bob"), ("q", "a", "c", "ada")]
    finding, pairs = look(PLAIN + votes)
    assert shares(votes) == (3, 0, 2)
    assert finding.suspects["id"].sort().equals(pairs["id"][30:32].sort())
    assert set(finding.suspects["reason"]) == {"the same rater also prefers the rejected answer to the chosen one"}


def test_who_is_not_named_does_not_contradict_themselves() -> None:
    assert look([*PLAIN, ("q", "a", "b", None), ("q", "b", "a", None)])[0].suspects.is_empty()


def test_a_circle_needs_three_answers_to_one_prompt() -> None:
    circle: list[Vote] = [("q", "a", "b", "ada"), ("q", "b", "c", "bob"), ("q", "c", "a", "eve")]
    assert shares(circle) == (0, 3, 0)
    assert shares([*circle, ("q", "c", "d", "eve")]) == (0, 3, 0)  # the way out is not part of it
    assert shares([circle[0], circle[1], ("other", "c", "a", "eve")]) == (0, 0, 0)


def test_majorities_decide_what_is_a_circle() -> None:
    circle: list[Vote] = [("q", "a", "b", "ada"), ("q", "b", "c", "bob"), ("q", "c", "a", "eve")]
    assert shares([*circle, ("q", "a", "c", "bob")]) == (2, 0, 0)  # one against one decides nothing
    assert shares([*circle, ("q", "a", "c", "bob"), ("q", "a", "c", "dan")]) == (3, 0, 0)


def test_prompts_with_one_pair_each_leave_nothing_to_contradict() -> None:
    pairs = look([*PLAIN, ("question 1", "y", "z", "eve")])[1]
    assert contradictions.look(Material(pairs[:30])) is None
