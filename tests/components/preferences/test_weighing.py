"""Old preferences count less, no rater counts more than their share, and nothing else changes."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from components.config.settings import Preferences
from components.preferences.weighing import weigh
from components.records.schemas import Preference, as_records, empty

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def preferences(raters: list[str | None], days_old: list[float | None] | None = None) -> pl.DataFrame:
    def said(text: str) -> list[dict[str, str]]:
        return [{"role": "assistant", "content": text}]

    rows = len(raters)
    frame = pl.DataFrame(
        {
            "prompt": [[{"role": "user", "content": f"question {row}"}] for row in range(rows)],
            "chosen": [said("yes")] * rows,
            "rejected": [said("no")] * rows,
            "rater": pl.Series(raters, dtype=pl.String),
            "created_at": [None if age is None else NOW - timedelta(days=age) for age in days_old or [0.0] * rows],
        }
    )
    return as_records(frame.with_columns(strength=1.0, weight=1.0, source=pl.lit("test")), Preference)


def weights(frame: pl.DataFrame, half_life: float = 100.0, user_share: float = 0.5) -> list[float]:
    weighed = weigh(frame, Preferences(half_life=half_life, user_share=user_share))
    assert weighed.drop("weight").equals(frame.drop("weight"))
    return weighed["weight"].to_list()


def test_a_preference_loses_half_its_weight_in_every_half_life_and_one_without_a_time_loses_none() -> None:
    found = weights(preferences([None] * 5, [0, 100, 200, 50, None]))
    assert found == pytest.approx([1, 0.5, 0.25, 0.5**0.5, 1])
    assert all(0 < weight < 1e-9 for weight in weights(preferences([None] * 2, [0, 3e5]))[1:])


def test_a_rater_who_says_more_than_their_share_is_held_to_it_and_the_others_keep_what_they_have() -> None:
    raters = ["loud"] * 50 + ["keen"] * 20 + [f"user {number}" for number in range(30)]
    frame = preferences(raters)
    held = frame.with_columns(weight=pl.Series(weights(frame, user_share=0.1))).group_by("rater").agg(pl.sum("weight"))
    mass = dict(held.iter_rows())
    assert mass["loud"] == pytest.approx(mass["keen"])  # both are cut: what one loses must not make the other too much
    assert mass["loud"] / sum(mass.values()) == pytest.approx(0.1)
    assert mass["user 3"] == 1


def test_with_too_few_raters_all_have_the_same_and_nobody_known_is_not_cut() -> None:
    assert weights(preferences(["ada"] * 3 + ["bob"]), user_share=0.05) == pytest.approx([1 / 3] * 3 + [1])
    assert weights(preferences(["ada"] * 10 + [None] * 90), user_share=0.05)[10:] == [1.0] * 90
    assert sum(weights(preferences(["ada"] * 10 + [None] * 95), user_share=0.05)[:10]) == pytest.approx(5)
    assert weights(empty(Preference)) == []


@pytest.mark.parametrize("seed", range(5))
def test_whatever_raters_say_nobody_has_more_than_their_share(seed: int) -> None:
    draw = np.random.default_rng(seed)
    raters = [f"user {number}" for number in draw.zipf(1.5, size=2000) % 400]
    frame = preferences(raters, draw.uniform(0, 400, size=2000).tolist())
    before, share = pl.Series(weights(frame, user_share=0.999)), 0.02
    after = pl.Series(weights(frame, user_share=share))
    assert (after <= before + 1e-12).all()
    mass = frame.with_columns(weight=after).group_by("rater").agg(pl.sum("weight"))["weight"] / after.sum()
    assert mass.max() == pytest.approx(share, rel=1e-6)
