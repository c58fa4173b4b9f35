"""The head on features learns what users like, knows how sure it is, and comes back from disk as it was."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.encoder import Encoder
from components.preferences.sharing import prompt_groups
from components.records.messages import text_of
from components.training import rewards
from components.training.rewards.features import FeatureReward, last_user_turn

Margins = Callable[[FeatureReward], np.ndarray]


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="session")
def encoder(memory: Path) -> Encoder:
    return Encoder("", memory)


@pytest.fixture(scope="session")
def seen(pairs: pl.DataFrame) -> pl.DataFrame:
    """What is learned from: about three hundred pairs; prompts of the rest are not among them."""
    groups = prompt_groups(pairs)
    known = groups[:300].unique()
    return pairs.select(
        prompt=pl.Series([last_user_turn(prompt) for prompt in pairs["prompt"].to_list()]),
        chosen=text_of(pl.col("chosen")),
        rejected=text_of(pl.col("rejected")),
        weight=pl.lit(1.0),
        group=groups,
    ).filter(pl.col("group").is_in(known.implode()))


@pytest.fixture(scope="session")
def unseen(pairs: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    return pairs.filter(~prompt_groups(pairs).is_in(seen["group"].implode()))


@pytest.fixture(scope="session")
def margins(unseen: pl.DataFrame) -> Margins:
    """By how many logits a reward prefers what was chosen, on the unseen pairs, shape (n,)."""

    def measure(reward: FeatureReward) -> np.ndarray:
        prompts = unseen["prompt"].to_list()
        sides = ([answer[0]["content"] for answer in unseen[side].to_list()] for side in ("chosen", "rejected"))
        chosen, rejected = (reward.score(prompts, answers) for answers in sides)
        return chosen - rejected

    return measure


@pytest.fixture(scope="session")
def fitted(encoder: Encoder, seen: pl.DataFrame) -> FeatureReward:
    return FeatureReward.fit(encoder, seen, seen["group"])


@pytest.fixture(scope="session")
def few(seen: pl.DataFrame) -> pl.DataFrame:
    return seen[:80]


@pytest.fixture(scope="session")
def found_in_few(encoder: Encoder, few: pl.DataFrame, margins: Margins) -> np.ndarray:
    return margins(FeatureReward.fit(encoder, few, few["group"]))


def test_it_learns_what_users_like_and_how_sure_it_may_be(
    fitted: FeatureReward, margins: Margins, unseen: pl.DataFrame
) -> None:
    assert unseen.height > 40
    found = margins(fitted)
    accuracy = (found > 0).mean()
    assert accuracy > 0.6
    confidence = 1 / (1 + np.exp(-np.abs(found)))
    assert abs(confidence.mean() - accuracy) < 0.12


def test_tastes_turned_round_turn_the_reward_round(
    encoder: Encoder, few: pl.DataFrame, found_in_few: np.ndarray, margins: Margins
) -> None:
    turned = few.rename({"chosen": "rejected", "rejected": "chosen"})
    other = margins(FeatureReward.fit(encoder, turned, turned["group"]))
    assert np.abs(found_in_few).mean() > 0.1
    assert other == pytest.approx(-found_in_few, rel=0.05, abs=0.02)


def test_a_pair_counts_as_much_as_it_weighs(
    encoder: Encoder, few: pl.DataFrame, found_in_few: np.ndarray, margins: Margins
) -> None:
    """Every pair is contradicted by its mirror image, which weighs nothing, or as much, or more."""
    turned = few.rename({"chosen": "rejected", "rejected": "chosen"}).select(few.columns)
    swayed = {}
    for weight in (1e-9, 1.0, 1e9):
        both = pl.concat([few, turned.with_columns(weight=pl.lit(weight))])
        swayed[weight] = margins(FeatureReward.fit(encoder, both, both["group"]))
    assert np.corrcoef(swayed[1e-9], found_in_few)[0, 1] > 0.95
    assert np.abs(swayed[1.0]).max() < 0.05 * np.abs(found_in_few).max()
    assert np.corrcoef(swayed[1e9], found_in_few)[0, 1] < -0.8


def test_it_comes_back_from_disk_as_it_was(
    fitted: FeatureReward, margins: Margins, memory: Path, tmp_path: Path
) -> None:
    rewards.save(fitted, tmp_path)
    again = rewards.load(tmp_path, memory)
    assert isinstance(again, FeatureReward)
    assert np.array_equal(margins(again), margins(fitted))


def test_an_answer_scores_the_same_in_any_company(fitted: FeatureReward, unseen: pl.DataFrame) -> None:
    prompts = unseen["prompt"].to_list()[:5]
    answers = ["", "Yes.", *(answer[0]["content"] for answer in unseen["chosen"].to_list()[:3])]
    together = fitted.score(prompts, answers)
    alone = [fitted.score([p], [a])[0] for p, a in zip(prompts, answers, strict=True)]
    assert np.isfinite(together).all()
    assert together == pytest.approx(np.array(alone), abs=1e-2)
    assert fitted.score([], []).shape == (0,)
