"""How a shadow's answers compare with those that users got."""

import numpy as np
import polars as pl
import pytest

from components.evaluation.judges.reward import RewardJudge
from components.evaluation.shadow import WIN_RATE, measure
from components.records.messages import Message


def scorer(prompts: list[list[Message]], responses: list[str]) -> np.ndarray:
    """An answer is as good as the number that it says."""
    return np.array([float(response) for response in responses])


def answers(users: int, wins: float, seed: int, group: str | None = None, each: int = 3) -> pl.DataFrame:
    """Some answers a user, of whom each has the shadow's better by a chance of their own around `wins`."""
    draw = np.random.default_rng(seed)
    chance = np.clip(draw.normal(wins, 0.2, users), 0, 1)
    better = draw.random((users, each)) < chance[:, None]
    rows = [
        (f"{group}{user}", group, [{"role": "user", "content": "?"}], "0", "1" if won else "-1")
        for user in range(users)
        for won in better[user]
    ]
    return pl.DataFrame(rows, ["user", "group", "prompt", "champion", "shadow"], orient="row")


def measured(answers: pl.DataFrame) -> dict[str, tuple[float, float, float, int]]:
    found = measure(answers, RewardJudge(scorer, None), 300, 0)
    return {name: (estimate.value, estimate.low, estimate.high, estimate.n) for name, estimate in found.items()}


def test_its_interval_covers_the_truth_in_nineteen_cases_of_twenty() -> None:
    found = [measured(answers(200, 0.55, seed))[WIN_RATE] for seed in range(200)]
    assert {n for *_, n in found} == {200}
    assert 180 <= sum(low <= 0.55 <= high for _, low, high, _ in found) <= 198


def test_one_user_who_asks_much_counts_as_one() -> None:
    calm = answers(200, 0.5, 1)
    busy = pl.concat([calm, answers(1, -9, 2, "busy", each=5000).with_columns(group=None)], how="vertical_relaxed")
    assert measured(calm)[WIN_RATE][0] - measured(busy)[WIN_RATE][0] == pytest.approx(0.0025, abs=0.001)


def test_a_group_is_measured_by_itself_and_a_handful_of_users_not_at_all() -> None:
    many, some, few = answers(400, 0.7, 2, "many"), answers(60, 0.1, 3, "some"), answers(15, 0.1, 4, "few")
    found = measured(pl.concat([many, some, few]))
    assert found[f"{WIN_RATE}/some"][2] < 0.5 < found[f"{WIN_RATE}/many"][1]
    assert f"{WIN_RATE}/few" not in found
    assert measured(few) == {}


def test_answers_that_say_the_same_are_no_loss() -> None:
    same = answers(50, 0.5, 5).with_columns(shadow=pl.col("champion"))
    assert measured(same)[WIN_RATE][:3] == (0.5, 0.5, 0.5)
