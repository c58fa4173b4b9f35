"""How much few have of all is measured as it is."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from components.records.messages import message
from components.records.schemas import Preference, as_records
from components.validation.audits import concentration
from components.validation.finding import Finding
from components.validation.material import Material


def look(raters: list[str | None], languages: list[str] | None = None) -> Finding | None:
    count = len(raters)
    told = pl.DataFrame(
        {
            "rater": pl.Series(raters, dtype=pl.String),
            "language": pl.Series(languages or [None] * count, dtype=pl.String),
            "asked": [f"question {row}" for row in range(count)],
            "created_at": [
                datetime(2026, 1, 1 + row % 10, tzinfo=UTC) + timedelta(seconds=row) for row in range(count)
            ],
        }
    )
    made = told.with_columns(
        prompt=message("user", pl.col("asked")),
        chosen=message("assistant", pl.lit("yes")),
        rejected=message("assistant", pl.lit("no")),
        strength=1.0,
        weight=1.0,
        source=pl.lit("test"),
    )
    return concentration.look(Material(as_records(made, Preference), resamples=300))


def test_one_user_with_half_of_all_pairs_counts_as_such() -> None:
    finding = look(["ada"] * 500 + [f"user {row}" for row in range(500)])
    assert finding is not None
    largest, effective = finding.measures["data/largest_user"], finding.measures["data/effective_users"]
    assert largest.value == 0.5
    assert 0.46 < largest.low < 0.48
    assert 0.52 < largest.high < 0.54
    assert effective.value == pytest.approx(4, abs=0.05)
    assert 3.4 < effective.low < effective.value < effective.high < 4.7
    assert "The largest user has 50.0% of pairs" in finding.sentence


def test_the_interval_holds_the_share_in_the_people_that_pairs_are_drawn_from() -> None:
    draw = np.random.default_rng(0)
    inside = 0
    for _ in range(20):
        users = np.where(draw.random(400) < 0.2, "ada", draw.integers(300, size=400).astype(str))
        finding = look(users.tolist())
        assert finding is not None
        share, effective = finding.measures["data/largest_user"], finding.measures["data/effective_users"]
        inside += share.low <= 0.2 <= share.high
        assert effective.low <= effective.value <= effective.high
    assert inside >= 17


def test_equal_users_are_as_many_as_there_are_and_nobody_is_above_the_others() -> None:
    finding = look([f"user {row % 50}" for row in range(1000)], ["de"] * 250 + ["en"] * 750)
    assert finding is not None
    measures = finding.measures
    assert measures["data/effective_users"].value == pytest.approx(50)
    assert measures["data/gini_user"].value == pytest.approx(0, abs=1e-9)
    assert measures["data/largest_prompt"].value == 0.001
    assert measures["data/effective_prompts"].value == pytest.approx(1000)
    assert measures["data/largest_language"].value == 0.75
    assert measures["data/largest_day"].value == 0.1
    assert measures["data/largest_source"].low > 0.99


def test_gini_is_that_of_the_numbers_of_pairs() -> None:
    sizes = np.repeat([1, 9], 50)
    finding = look([f"user {user}" for user, size in enumerate(sizes) for _ in range(size)])
    assert finding is not None
    gini = finding.measures["data/gini_user"]
    assert gini.value == pytest.approx(0.4)  # half of all people have a tenth of all pairs
    assert 0.3 < gini.low < 0.4 < gini.high < 0.5


def test_pairs_of_nobody_known_are_left_out_and_of_few_nothing_is_said() -> None:
    finding = look([None] * 100)
    assert finding is not None
    assert "data/largest_user" not in finding.measures
    assert look(["ada"] * 10) is None
