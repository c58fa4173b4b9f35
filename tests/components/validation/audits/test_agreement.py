"""Agreement is Krippendorff's, as the library that bears his name computes it."""

from pathlib import Path

import krippendorff
import numpy as np
import polars as pl
import pytest

from components.feedback.readers import read
from components.records.schemas import Feedback, Preference, as_records
from components.validation.audits import agreement
from components.validation.material import Material


def voted(right: float, items: int = 300, raters: int = 4, seed: int = 0) -> pl.DataFrame:
    """Raters who find the better of two answers that often."""
    draw = np.random.default_rng(seed)
    rows = [
        (f"question {item}", *(("good", "bad") if draw.random() < right else ("bad", "good")), f"rater {rater}")
        for item in range(items)
        for rater in range(raters)
    ]
    told = pl.DataFrame(rows, schema=["asked", "yes", "no", "rater"], orient="row")

    def says(role: str, column: str) -> pl.Expr:
        return pl.concat_list(pl.struct(role=pl.lit(role), content=pl.col(column)))

    return as_records(
        told.select(
            "rater",
            prompt=says("user", "asked"),
            chosen=says("assistant", "yes"),
            rejected=says("assistant", "no"),
            strength=1.0,
            weight=1.0,
            source=pl.lit("test"),
        ),
        Preference,
    )


@pytest.mark.parametrize(("right", "alpha"), [(1.0, 1.0), (0.9, 0.64), (0.5, 0.0)])
def test_alpha_of_choices_is_what_the_raters_share_beyond_chance(right: float, alpha: float) -> None:
    finding = agreement.look(Material(voted(right)))
    assert finding is not None
    found = finding.measures["data/agreement"]
    assert found.value == pytest.approx(alpha, abs=0.06)  # (2 right - 1) squared
    assert found.low - 0.03 <= alpha <= found.high + 0.03
    assert found.n == 300


def test_votes_of_one_rater_do_not_agree_with_themselves_and_who_is_unknown_does_not_count() -> None:
    pairs = voted(1.0, raters=1)
    assert agreement.look(Material(pl.concat([pairs, pairs]))) is None
    assert agreement.look(Material(voted(0.9).with_columns(rater=pl.lit(None, pl.String)))) is None


def test_alpha_of_ratings_on_real_dialogues_is_the_librarys(shared_data: Path) -> None:
    feedback = read([shared_data / "uss" / "SGD.txt.gz"], None).frames["feedback"]
    rated = feedback.filter(pl.col("kind") == "rating", pl.col("aspect").is_null()).drop_nulls(["user", "score"])
    some = rated.filter(pl.col("interaction").is_in(rated["interaction"].unique().sort()[:400].implode()))
    finding = agreement.look(Material(voted(1.0, raters=1), feedback=as_records(some, Feedback)))
    assert finding is not None
    found = finding.measures["data/rating_agreement"]
    table = some.pivot("interaction", index="user", values="score", aggregate_function="last").drop("user")
    theirs = krippendorff.alpha(table.to_numpy(), level_of_measurement="interval")
    assert found.value == pytest.approx(theirs, abs=1e-9)
    assert 0 < found.low < found.value < found.high < 0.6
