"""A whole model as the reward: trained by the same jobs, told apart on disk, and blind to its batch."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.config import Settings
from components.encoder import packaged
from components.preferences.sharing import prompt_groups
from components.training import rewards
from components.training.rewards.classifier import ClassifierReward
from components.training.rewards.fitting import fit


@pytest.fixture(scope="module")
def learned(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs[:70]


@pytest.fixture(scope="module")
def reward(base: str, learned: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> rewards.RewardModel:
    chosen = Settings().reward.model_copy(update={"method": "classifier", "epochs": 3.0, "batch_size": 8})
    settings = Settings().model_copy(update={"reward": chosen})
    place, features = tmp_path_factory.mktemp("classifier"), tmp_path_factory.mktemp("features")
    return fit(settings, learned[:64], learned[64:], prompt_groups(learned), base, place, features, None)


@pytest.fixture(scope="module")
def answers(learned: pl.DataFrame) -> Callable[[str], list[str]]:
    return lambda side: [answer[0]["content"] for answer in learned[side].to_list()]


def test_it_learns_what_users_like(
    reward: rewards.RewardModel, learned: pl.DataFrame, answers: Callable[[str], list[str]]
) -> None:
    assert isinstance(reward, ClassifierReward)
    prompts = learned["prompt"].to_list()
    found = reward.score(prompts, answers("chosen")) - reward.score(prompts, answers("rejected"))
    assert found.shape == (70,)
    assert np.isfinite(found).all()
    assert (found[:64] > 0).mean() > 0.65


def test_an_encoder_that_never_chatted_and_reads_512_tokens_makes_a_classifier(
    learned: pl.DataFrame, tmp_path: Path
) -> None:
    few = learned[:6]
    long = pl.Series([[{"role": "assistant", "content": "long " * 2000}]], dtype=few.schema["chosen"])
    few = few.with_columns(rejected=pl.concat([few["rejected"][:5], long]))
    chosen = Settings().reward.model_copy(update={"method": "classifier", "model": packaged(), "batch_size": 2})
    settings = Settings().model_copy(update={"reward": chosen})
    found = fit(settings, few[2:], few[:2], prompt_groups(few), "not used", tmp_path, tmp_path, None)
    scores = found.score(few["prompt"].to_list()[:3], ["long " * 2000, "Yes.", "A rose is red."])
    assert np.isfinite(scores).all()
    assert len(set(scores)) == 3


def test_it_comes_back_from_disk_as_it_was(
    reward: rewards.RewardModel, learned: pl.DataFrame, answers: Callable[[str], list[str]], tmp_path: Path
) -> None:
    rewards.save(reward, tmp_path)
    again = rewards.load(tmp_path)
    assert isinstance(again, ClassifierReward)
    prompts = learned["prompt"].to_list()
    assert np.array_equal(again.score(prompts, answers("chosen")), reward.score(prompts, answers("chosen")))


def test_an_answer_scores_the_same_in_any_company(
    reward: rewards.RewardModel, learned: pl.DataFrame, answers: Callable[[str], list[str]]
) -> None:
    prompts, said = learned["prompt"].to_list()[:6], ["", "Yes.", "no " * 2000, *answers("chosen")[:3]]
    together = reward.score(prompts, said)
    alone = [reward.score([p], [a])[0] for p, a in zip(prompts, said, strict=True)]
    assert together == pytest.approx(np.array(alone), abs=1e-4)
    assert together.std() > 1e-3
    assert reward.score([], []).shape == (0,)
