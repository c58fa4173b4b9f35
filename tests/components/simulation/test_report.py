"""The report tells right from wrong and found from missed; heed's pairs pass the bars that a plain reading fails."""

import polars as pl
import pytest

from benchmarks.preferences import FOUND_AT_LEAST, RIGHT_AT_LEAST, Measured, measure
from components.records.schemas import Preference, as_records
from components.simulation import world
from components.simulation.report import truth_of

MIX, RISE, BAKE = world.TOPICS[0].facts


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure(2500, seed=1)


def test_pairs_point_the_right_way_and_what_could_be_learned_is_found_at_one_slip_in_ten(measured: Measured) -> None:
    whole = measured.heed.row(by_predicate=pl.col("kind") == "all", named=True)
    assert whole["built"] > 1500
    assert whole["learnable"] > 1400
    assert whole["right"] >= RIGHT_AT_LEAST
    assert whole["found"] >= FOUND_AT_LEAST
    plain = measured.peer.row(by_predicate=pl.col("kind") == "all", named=True)
    assert plain["right"] < 0.9


def test_each_kind_of_feedback_that_makes_pairs_is_reported(measured: Measured) -> None:
    rows = {row["kind"]: row for row in measured.heed.iter_rows(named=True)}
    for kind in ("choice", "edit", "followup", "rating", "regenerate", "thumb"):
        assert rows[kind]["built"] > 40, kind
        assert rows[kind]["right"] > 0.85, kind
        assert rows[kind]["found"] > 0.7, kind


def pairs(*told: tuple[str, str, str, list[str]]) -> pl.DataFrame:
    """Pairs by group, chosen, rejected and the kinds they are made of."""
    frame = pl.DataFrame(
        {
            "prompt": [[{"role": "user", "content": "How do I bake bread?"}]] * len(told),
            "chosen": [[{"role": "assistant", "content": chosen}] for _, chosen, _, _ in told],
            "rejected": [[{"role": "assistant", "content": rejected}] for _, _, rejected, _ in told],
            "group": [group for group, _, _, _ in told],
            "rater": "ada",
            "strength": 1.0,
            "weight": 1.0,
            "source": "test",
        }
    )
    return as_records(frame, Preference).with_columns(kinds=pl.Series([kinds for *_, kinds in told]))


def test_right_is_by_the_raters_own_taste_and_found_is_of_what_was_clear() -> None:
    full, short, rude = f"{MIX} {RISE} {BAKE}", MIX, f"{world.COLD} {MIX}"
    could = pairs(
        ("curious", full, short, ["choice"]),
        ("hurried", short, rude, ["choice", "thumb"]),
        ("hurried", short, f"{short} {world.WARM}", ["edit"]),  # better, but hardly
    )
    built = pairs(
        ("curious", full, short, ["choice"]),
        ("hurried", full, short, ["choice"]),
        ("curious", RISE, BAKE, ["thumb"]),  # as good as each other
    )
    rows = {row.pop("kind"): row for row in truth_of(built, could).iter_rows(named=True)}
    assert rows == {
        "choice": {"built": 2, "right": 0.5, "ties": 0, "learnable": 2, "found": 0.5},
        "edit": {"built": 0, "right": None, "ties": 0, "learnable": 0, "found": None},
        "thumb": {"built": 1, "right": None, "ties": 1, "learnable": 1, "found": 0.0},
        "all": {"built": 3, "right": 0.5, "ties": 1, "learnable": 2, "found": 0.5},
    }
