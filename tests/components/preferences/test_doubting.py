"""Doubt falls on pairs that the others contradict, and on none where there is nothing to go by."""

from pathlib import Path

import numpy as np
import polars as pl

from components.feedback.readers import read
from components.preferences.doubting import doubt
from components.records.schemas import Preference, as_records

GOOD = ("Certainly, here are the steps.", "First measure the flour.", "Then stir it for a minute.", "Let it rest.")
BAD = ("No idea.", "Go away.", "Why would anybody want that?", "Buy the premium plan.")


def preferences(count: int, flipped: float, tastes: dict[str, bool], seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Pairs of a good and a bad answer; a group whose taste is False likes the bad ones. And which are flipped."""
    draw = np.random.default_rng(seed)
    groups = draw.choice(list(tastes), size=count)
    slips = draw.random(count) < flipped

    def answer(sentences: tuple[str, ...]) -> list[dict[str, str]]:
        picked = draw.permutation(len(sentences))[: draw.integers(1, 4)]
        return [{"role": "assistant", "content": " ".join(sentences[index] for index in picked)}]

    sides = [(answer(GOOD), answer(BAD)) for _ in range(count)]
    turned = [tastes[group] != bool(slip) for group, slip in zip(groups, slips, strict=True)]
    frame = pl.DataFrame(
        {
            "prompt": [[{"role": "user", "content": f"Question {row}?"}] for row in range(count)],
            "chosen": [good if right else bad for (good, bad), right in zip(sides, turned, strict=True)],
            "rejected": [bad if right else good for (good, bad), right in zip(sides, turned, strict=True)],
            "group": groups.tolist(),
        }
    )
    told = as_records(frame.with_columns(strength=1.0, weight=1.0, source=pl.lit("test")), Preference)
    return told, slips


def test_slips_are_found_also_where_groups_want_opposite_things_and_each_is_told_why() -> None:
    pairs, slips = preferences(900, 0.1, {"cooks": True, "jokers": False})
    believed, doubted = doubt(pairs)
    slipped = set(pairs.filter(pl.Series(slips))["id"])
    assert slipped >= set(doubted["id"])  # nobody is doubted who meant it
    assert doubted.height > 0.95 * len(slipped)
    assert believed.equals(pairs.join(doubted, on="id", how="anti", maintain_order="left"))
    assert doubted["reason"].str.contains(r"^doubted: the other pairs give it [0-9.]+% to point the right way$").all()
    assert doubted.drop("reason").columns == pairs.columns
    assert doubt(pairs)[1].equals(doubted)


def test_labels_that_follow_from_nothing_and_pairs_too_few_to_learn_from_are_all_believed() -> None:
    chance, _ = preferences(600, 0.5, {"all": True})
    assert doubt(chance)[1].is_empty()
    few, slips = preferences(150, 0.1, {"all": True})
    assert slips.any()
    assert doubt(few)[0].equals(few)
    assert doubt(few.clear())[0].is_empty()


def test_answers_that_say_nothing_or_the_same_break_nothing() -> None:
    pairs, _ = preferences(300, 0.0, {"all": True})
    blank = pl.lit([{"role": "assistant", "content": None}], dtype=pairs.schema["chosen"])
    same = pairs.with_columns(chosen=blank, rejected=blank, group=pl.lit(None, pl.String))
    assert doubt(same)[1].is_empty()
    assert doubt(pl.concat([pairs, same]))[0].height > 500


def test_where_people_hardly_agree_few_of_their_real_preferences_are_doubted(shared_data: Path) -> None:
    pairs = read([shared_data / "hh-rlhf" / "harmless-base-test.jsonl.gz"], None).frames["preferences"]
    assert 0 < doubt(pairs)[1].height / pairs.height < 0.08
