"""The share of flipped labels is estimated within 4 points, on simulated users whose slips are known."""

import numpy as np
import polars as pl
import pytest

from components.records.handles import Estimate
from components.records.schemas import Preference, as_records
from components.simulation.population import scripted, talk
from components.training.ensemble import margins
from components.validation.audits import noise
from components.validation.finding import Finding
from components.validation.material import Material


def choices(seed: int, slips: float) -> tuple[pl.DataFrame, pl.Series]:
    """Pairs as users chose them, and which of them they did not mean."""
    landed = talk(scripted(seed), "m", 4000, seed, slips)
    known = landed.interactions.select("prompt", "response", "language", interaction="id")
    said = landed.feedback.filter(kind="choice")
    meant = landed.meant.filter(kind="choice").select("interaction", "other", meant=True)
    pairs = (
        said.join(meant, on=["interaction", "other"], how="left", maintain_order="left")
        .join(known, on="interaction", maintain_order="left")
        .join(known.select(other="interaction", rejected="response"), on="other", maintain_order="left")
        .rename({"response": "chosen", "user": "rater"})
        .with_columns(strength=1.0, weight=1.0)
    )
    return as_records(pairs.drop("id"), Preference), pairs["meant"].is_null()


Seen = tuple[pl.DataFrame, pl.Series, Finding]


@pytest.fixture(scope="module", params=[(1, 0.0), (2, 0.1), (3, 0.2), (4, 0.3)], ids=lambda p: f"{p[1]:.0%}")
def seen(request: pytest.FixtureRequest) -> Seen:
    pairs, flipped = choices(*request.param)
    finding = noise.look(Material(pairs, margins=margins(pairs, heads=4), resamples=300))
    assert finding is not None
    return pairs, flipped, finding


def test_the_share_of_labels_nobody_meant_is_found_and_the_pairs_suspected_are_mostly_those(seen: Seen) -> None:
    pairs, flipped, finding = seen
    found, truth = finding.measures["data/label_noise"], float(flipped.mean())
    assert abs(found.value - truth) < 0.04
    assert found.low - 0.01 <= truth <= found.high + 0.01
    assert f"About {found.value:.0%} of labels" in finding.sentence
    suspected = pairs["id"].is_in(finding.suspects["id"].implode())
    if truth == 0:
        assert suspected.sum() < 0.005 * pairs.height
    else:
        assert flipped.filter(suspected).mean() > 0.85
        assert suspected.sum() > 0.1 * flipped.sum()


def test_heads_that_know_nothing_leave_everything_open() -> None:
    pairs, _ = choices(5, 0.1)
    blind = np.random.default_rng(0).normal(size=(4, pairs.height))
    finding = noise.look(Material(pairs, margins=blind, resamples=100))
    assert finding is not None
    found = finding.measures["data/label_noise"]
    assert found.low < 0.02
    assert found.high > 0.48
    assert finding.suspects.is_empty()
    assert noise.flip_rate(found) < 0.02


def test_without_heads_or_with_few_pairs_read_nothing_is_said() -> None:
    pairs, _ = choices(5, 0.1)
    assert noise.look(Material(pairs)) is None
    few = np.full((2, pairs.height), np.nan)
    few[:, :100] = 1.0
    assert noise.look(Material(pairs, margins=few)) is None


def test_the_flip_rate_is_one_that_a_robust_loss_can_take() -> None:
    def rate(value: float) -> float:
        return noise.flip_rate(Estimate(value=value, low=value - 0.02, high=value + 0.02, n=900))

    assert [rate(0.0), rate(0.17), rate(0.5), noise.flip_rate(None)] == [0.001, 0.17, 0.49, 0.001]
