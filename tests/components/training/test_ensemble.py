"""Heads judge pairs they have not seen, and what they say follows from what others prefer."""

import numpy as np
import polars as pl

from components.records.schemas import Preference, as_records
from components.training import ensemble

GOOD = ("Certainly, here are the steps.", "First measure the flour.", "Then stir it for a minute.", "Let it rest.")
BAD = ("No idea.", "Go away.", "Why would anybody want that?", "Buy the premium plan.")


def preferences(count: int, flipped: float) -> tuple[pl.DataFrame, np.ndarray]:
    """Pairs of a good and a bad answer, some of them turned round; and which those are."""
    draw = np.random.default_rng(0)
    turned = draw.random(count) < flipped
    sides = [(GOOD[draw.integers(4)], BAD[draw.integers(4)]) for _ in range(count)]
    said = [sides[row][:: -1 if turned[row] else 1] for row in range(count)]
    frame = pl.DataFrame(
        {
            "prompt": [[{"role": "user", "content": f"Question {row}?"}] for row in range(count)],
            "chosen": [[{"role": "assistant", "content": chosen}] for chosen, _ in said],
            "rejected": [[{"role": "assistant", "content": rejected}] for _, rejected in said],
        }
    )
    return as_records(frame.with_columns(strength=1.0, weight=1.0, source=pl.lit("test")), Preference), turned


def test_every_head_sees_through_labels_that_others_contradict_and_no_two_heads_are_the_same() -> None:
    pairs, turned = preferences(600, 0.2)
    margins = ensemble.margins(pairs, heads=3)
    assert margins is not None
    assert margins.shape == (3, 600)
    right = (margins > 0) != turned
    assert (right.mean(axis=1) > 0.98).all()
    assert not np.allclose(margins[0], margins[1])
    assert np.array_equal(margins, ensemble.margins(pairs, heads=3))


def test_no_head_has_seen_the_pair_it_judges() -> None:
    pairs, _ = preferences(600, 0.0)
    # Words that nobody else uses: a head that had seen the pair would know them.
    content = [[{"role": "assistant", "content": f"{word}{row}"}] for word in "ab" for row in range(600)]
    unique = pairs.with_columns(
        chosen=pl.Series(content[:600], dtype=pairs.schema["chosen"]),
        rejected=pl.Series(content[600:], dtype=pairs.schema["chosen"]),
    )
    margins = ensemble.margins(unique, heads=2)
    assert margins is not None
    assert np.median(np.abs(margins)) < 0.01


def test_too_few_pairs_teach_nothing_and_of_too_many_a_sample_is_read() -> None:
    pairs, _ = preferences(400, 0.0)
    assert ensemble.margins(pairs[:150]) is None
    many = pl.concat([pairs] * 51)
    margins = ensemble.margins(many, heads=1)
    assert margins is not None
    assert np.isfinite(margins).sum() == ensemble.MOST
    assert (margins[np.isfinite(margins)] > 0).all()
