"""What users make of a canary, beside what the others make of the champion."""

import numpy as np
import polars as pl
import pytest

from components.evaluation.live import APPROVAL, measure

CANARY, CHAMPION = "heed-policy/2", "heed-policy/1"


def verdicts(users: int, satisfied: dict[str, float], seed: int, group: str | None = None) -> pl.DataFrame:
    """Three answers a user, half of the users on each side, who like an answer with the probability of its model."""
    draw = np.random.default_rng(seed)
    model = [CANARY if user % 2 else CHAMPION for user in range(users)]
    rows = [
        (model[user], f"{group}{user}", group, 1 if draw.random() < satisfied[model[user]] else -1)
        for user in range(users)
        for _ in range(3)
    ]
    return pl.DataFrame(rows, ["model", "user", "group", "verdict"], orient="row")


def test_it_finds_by_how_much_more_they_approve() -> None:
    found = measure(verdicts(2000, {CANARY: 0.7, CHAMPION: 0.6}, 0), CANARY, CHAMPION, 1000, 0)
    assert found[APPROVAL].value == pytest.approx(0.1, abs=0.04)
    assert found[APPROVAL].low > 0
    assert found[APPROVAL].n == 1000
    assert found[f"{APPROVAL}_canary"].value == pytest.approx(0.7, abs=0.03)
    assert found[f"{APPROVAL}_champion"].value == pytest.approx(0.6, abs=0.03)


def test_its_interval_covers_the_truth_in_nineteen_cases_of_twenty() -> None:
    covered = 0
    for seed in range(200):
        found = measure(verdicts(200, {CANARY: 0.7, CHAMPION: 0.6}, seed), CANARY, CHAMPION, 300, seed)[APPROVAL]
        covered += found.low <= 0.1 <= found.high
    assert 180 <= covered <= 198


def test_what_nobody_said_anything_of_tells_nothing() -> None:
    spoken = verdicts(400, {CANARY: 0.8, CHAMPION: 0.6}, 5)
    silent = pl.concat([spoken, *[spoken.with_columns(verdict=pl.lit(0, pl.Int64))] * 20])
    assert measure(silent, CANARY, CHAMPION, 200, 0) == measure(spoken, CANARY, CHAMPION, 200, 0)


def test_one_user_who_says_much_counts_as_one() -> None:
    calm = verdicts(200, {CANARY: 0.7, CHAMPION: 0.7}, 1)
    angry = pl.DataFrame({"model": CANARY, "user": "angry", "group": None, "verdict": [-1] * 5000}, calm.schema)
    before, after = (measure(heard, CANARY, CHAMPION, 200, 0)[APPROVAL] for heard in (calm, pl.concat([calm, angry])))
    assert before.value - after.value == pytest.approx(0.007, abs=0.005)


def test_a_group_is_measured_by_itself_and_a_handful_of_users_not_at_all() -> None:
    many = verdicts(400, {CANARY: 0.8, CHAMPION: 0.6}, 2, "many")
    some = verdicts(60, {CANARY: 0.1, CHAMPION: 0.6}, 3, "some")
    few = verdicts(30, {CANARY: 0.1, CHAMPION: 0.6}, 4, "few")
    found = measure(pl.concat([many, some, few]), CANARY, CHAMPION, 200, 0)
    assert found[f"{APPROVAL}/some"].high < 0 < found[f"{APPROVAL}/many"].low
    assert f"{APPROVAL}/few" not in found
    assert measure(few, CANARY, CHAMPION, 200, 0) == {}
