"""What has changed since the last accepted version is found, and nothing where nothing has."""

import numpy as np
import polars as pl

from components.records.messages import message
from components.records.schemas import Preference, as_records
from components.validation.audits import drift
from components.validation.finding import Finding
from components.validation.material import Material

TOPICS = ("bread", "tyres", "guitars", "money", "puppies", "exams", "coffee", "letters")
ASKING = ("How do I start with {}?", "What should I know about {}?", "Any tips on {} for me?", "I want {} today.")


def batch(
    seed: int, count: int, topics: int = 8, source: str = "app", strengths: float = 0.5, raters: int = 60
) -> pl.DataFrame:
    """Pairs of raters who each have a topic they like to ask about, so their pairs are alike."""
    draw = np.random.default_rng(seed)
    rater = draw.integers(raters, size=count)
    favourite = draw.integers(topics, size=raters)
    topic = np.where(draw.random(count) < 0.3, favourite[rater], draw.integers(topics, size=count))
    told = pl.DataFrame(
        {
            "asked": [ASKING[draw.integers(4)].format(TOPICS[about]) for about in topic],
            "yes": [f"{'word ' * int(draw.integers(5, 60))}{seed} {row}" for row in range(count)],
            "rater": [f"rater {number}" for number in rater],
            "strength": draw.choice([0.8, 1.0], p=[1 - strengths, strengths], size=count),
        }
    )
    made = told.with_columns(
        prompt=message("user", pl.col("asked")),
        chosen=message("assistant", pl.col("yes")),
        rejected=message("assistant", pl.lit("no")),
        weight=1.0,
        source=pl.lit(source),
    )
    return as_records(made, Preference)


ACCEPTED = batch(0, 900)


def look(new: pl.DataFrame) -> Finding:
    finding = drift.look(Material(new, accepted=ACCEPTED))
    assert finding is not None
    return finding


def changed(finding: Finding) -> set[str]:
    return set(finding.sentence.removesuffix(".").partition(": ")[2].split(", ")) - {""}


def test_batches_of_the_same_people_are_no_drift_though_each_rater_asks_the_same_again_and_again() -> None:
    counts = [look(batch(seed, 300)).measures["data/drift"] for seed in range(1, 6)]
    assert sum(found.value > 0 for found in counts) == 0
    assert sum(found.low > 0 for found in counts) == 0


def test_another_source_another_mix_of_topics_and_other_strengths_are_each_found_and_named() -> None:
    with_source = pl.concat([batch(1, 300), batch(2, 150, source="import")])
    assert changed(look(with_source)) == {"sources"}
    assert "prompts" in changed(look(batch(3, 400, topics=4)))
    stronger = look(batch(4, 400, strengths=0.95))
    assert changed(stronger) == {"strengths"}
    size = stronger.measures["data/drift_strengths"]
    assert 0.3 < size.low < 0.45 < size.high < 0.55
    assert stronger.measures["data/drift"].low == 1


def test_what_is_new_is_compared_and_not_what_was_accepted_before() -> None:
    whole = pl.concat([ACCEPTED, batch(5, 300, source="import")])
    sources = look(whole).measures["data/drift_sources"]
    assert sources.value > 0.95  # not one of the new is from where the old are
    assert drift.look(Material(ACCEPTED, accepted=ACCEPTED)) is None


def test_a_difference_too_small_to_matter_is_none() -> None:
    rng = np.random.default_rng(0)
    few = batch(6, 1500).with_columns(source=pl.Series(np.where(rng.random(1500) < 0.02, "import", "app")))
    finding = look(few)
    assert changed(finding) == set()
    assert 0 < finding.measures["data/drift_sources"].value < 0.15


def test_without_an_accepted_version_there_is_nothing_to_compare_with() -> None:
    assert drift.look(Material(ACCEPTED)) is None
