"""Raters who do not read are told from raters who do, and nobody is suspected for what everybody does."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from components.records.messages import message
from components.records.schemas import Feedback, Interaction, Preference, as_records
from components.validation.audits import careless
from components.validation.finding import Finding
from components.validation.material import Material

BEGINNING = datetime(2026, 1, 5, 8, tzinfo=UTC)
JUDGEMENTS = 40


def judged(raters: int, seed: int = 0, **habits: list[int]) -> pl.DataFrame:
    """Pairs of raters who read for half a minute and prefer any length and side, but for those with a habit."""
    draw = np.random.default_rng(seed)
    count = raters * JUDGEMENTS
    rater = np.repeat(np.arange(raters), JUDGEMENTS)
    fast, first, longer = (np.isin(rater, habits.get(habit, [])) for habit in ("fast", "first", "longer"))
    seconds = np.where(fast, 0.3, draw.exponential(30, count) + 5)
    lengths = np.sort(draw.integers(10, 200, (count, 2)) + np.arange(2), axis=1)
    upward = longer | (draw.random(count) < 0.6)
    told = pl.DataFrame(
        {
            "rater": [f"rater {number}" for number in rater],
            "group": [("a", "b")[number % 2] for number in rater],
            "asked": [f"question {row}" for row in range(count)],
            "yes": ["word " * int(length) for length in np.where(upward, lengths[:, 1], lengths[:, 0])],
            "no": ["word " * int(length) for length in np.where(upward, lengths[:, 0], lengths[:, 1])],
            "position": np.where(first | (draw.random(count) < 0.55), 1, 2),
            "created_at": [BEGINNING + timedelta(seconds=float(after)) for after in seconds.cumsum()],
        }
    )
    made = told.with_columns(
        prompt=message("user", pl.col("asked")),
        chosen=message("assistant", pl.col("yes")),
        rejected=message("assistant", pl.col("no")),
        strength=1.0,
        weight=1.0,
        source=pl.lit("test"),
    )
    return as_records(made, Preference)


def found(pairs: pl.DataFrame, **more: pl.DataFrame) -> tuple[Finding, dict[str, set[str]]]:
    """What is found, and who is suspected of what."""
    finding = careless.look(Material(pairs, resamples=200, **more))
    assert finding is not None
    named = pairs.select("id", "rater").join(finding.suspects, on="id")
    assert named.height == finding.suspects.height
    told = {rater: set(those) for rater, those in named.group_by("rater").agg("reason").iter_rows()}
    return finding, told


def test_each_habit_is_found_in_those_who_have_it_and_all_their_pairs_are_suspected() -> None:
    finding, told = found(judged(40, fast=[3], first=[7, 9], longer=[20, 7]))
    assert told == {
        "rater 3": {"the rater judges faster than anybody can read"},
        "rater 7": {"the rater takes the answer on the same side nearly always; takes the longer answer nearly always"},
        "rater 9": {"the rater takes the answer on the same side nearly always"},
        "rater 20": {"the rater takes the longer answer nearly always"},
    }
    assert finding.suspects.height == 4 * JUDGEMENTS
    share = finding.measures["data/careless_raters"]
    assert (share.value, share.n) == (0.1, 40)
    assert 0.02 < share.low < 0.1 < share.high < 0.25
    assert finding.sentence.startswith("4 of 40 raters")


def test_of_raters_who_read_nobody_is_suspected_whatever_the_seed() -> None:
    assert [found(judged(60, seed))[1] for seed in range(10)] == [{}] * 10


def test_what_everybody_of_a_source_or_a_group_does_is_no_habit() -> None:
    everybody = judged(10, longer=list(range(10))).with_columns(source=pl.lit("ranked by length"))
    imported = judged(10, seed=1, fast=list(range(10))).with_columns(source=pl.lit("imported"))
    pairs = pl.concat([judged(30, seed=2), everybody, imported]).with_columns(
        rater=pl.format("{} {}", "source", "rater")
    )
    assert found(pairs)[1] == {}


def test_dates_without_a_time_make_nobody_fast() -> None:
    dated = judged(20).with_columns(pl.col("created_at").dt.truncate("1d"))
    mixed = pl.concat([judged(20, seed=1).with_columns(rater=pl.format("timed {}", "rater")), dated])
    assert found(mixed)[1] == {}


@pytest.mark.parametrize(("scores", "caught"), [([-1.0, -0.5, 0.0, 0.5, 1.0], {"user 5"}), ([-1.0, 1.0], set())])
def test_the_same_rating_always_is_a_habit_and_always_thumbs_up_is_not(scores: list[float], caught: set[str]) -> None:
    draw = np.random.default_rng(0)
    rows = [
        {"user": f"user {user}", "interaction": f"{user} {row}", "score": 1.0 if user == 5 else draw.choice(scores)}
        for user in range(20)
        for row in range(JUDGEMENTS)
    ]
    feedback = as_records(pl.DataFrame(rows).with_columns(kind=pl.lit("rating"), source=pl.lit("test")), Feedback)
    pairs = judged(20).with_columns(rater=pl.col("rater").str.replace("rater", "user"))
    assert set(found(pairs, feedback=feedback)[1]) == caught


def test_what_is_judged_before_it_can_be_read_is_too_fast_however_long_the_break_before() -> None:
    rows = [(user, row) for user in range(20) for row in range(JUDGEMENTS)]
    asked = [BEGINNING + timedelta(hours=user + 100 * row) for user, row in rows]
    answers = pl.DataFrame(
        {
            "prompt": [[{"role": "user", "content": f"question {row}"}] for row in range(len(rows))],
            "response": [[{"role": "assistant", "content": "word " * 120}] for _ in rows],
            "created_at": asked,
        }
    )
    interactions = as_records(answers.with_columns(source=pl.lit("test")), Interaction)
    waits = [timedelta(seconds=2 if user == 4 else 20) for user, _ in rows]
    events = pl.DataFrame(
        {
            "interaction": interactions["id"],
            "user": [f"rater {user}" for user, _ in rows],
            "created_at": [begun + wait for begun, wait in zip(asked, waits, strict=True)],
        }
    )
    feedback = as_records(events.with_columns(kind=pl.lit("thumb"), score=1.0, source=pl.lit("test")), Feedback)
    assert set(found(judged(20), feedback=feedback, interactions=interactions)[1]) == {"rater 4"}


def test_of_one_rater_alone_nothing_is_said() -> None:
    assert careless.look(Material(judged(1))) is None
    assert careless.look(Material(judged(1).clear())) is None
