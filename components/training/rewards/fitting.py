"""Fits the reward model that the settings ask for."""

from pathlib import Path

import polars as pl

from components import cluster
from components.config import Settings
from components.encoder import Encoder
from components.records.messages import text_of
from components.training import jobs, launch
from components.training.job import Tracking
from components.training.rewards import RewardModel
from components.training.rewards.classifier import ClassifierReward
from components.training.rewards.features import FeatureReward, last_user_turn


def fit(
    settings: Settings,
    train: pl.DataFrame,
    validation: pl.DataFrame,
    groups: pl.Series,
    base: str,
    output: Path,
    memory: Path,
    tracking: Tracking | None,
    accelerate: Path | None = None,
) -> RewardModel:
    """Learn a reward from the training and validation sides.

    Args:
        train: records of `Preference`.
        validation: the same; calibrates the head on features, and only watches a classifier.
        groups: prompt groups of the rows of both, train first, shape (n,).
        base: the policy's base model, for a classifier that names none.
        output: where a classifier's checkpoints go.
        memory: where features are remembered.
        tracking: where a classifier's curves go.
        accelerate: accelerate's config file, for a classifier; None for the devices of this machine.
    """
    if settings.reward.method == "classifier":
        job = jobs.classifier(settings, base, train, validation, output, tracking)
        return ClassifierReward(launch.run(job, accelerate))
    # The head is calibrated by cross-fitting, so the validation side need not be held back from it.
    encoder, texts = Encoder(settings.reward.encoder, memory), _texts(pl.concat([train, validation]))
    return cluster.run_on_device(FeatureReward.fit, encoder, texts, groups)


def _texts(preferences: pl.DataFrame) -> pl.DataFrame:
    return preferences.select(
        prompt=pl.Series([last_user_turn(prompt) for prompt in preferences["prompt"].to_list()], dtype=pl.String),
        chosen=text_of(pl.col("chosen")),
        rejected=text_of(pl.col("rejected")),
        weight=pl.col("weight") * pl.col("strength"),
    )
