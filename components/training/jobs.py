"""Writes the jobs of a retraining: from settings and the sides of a dataset version to what `launch.run` takes.

Knows nothing of MLflow runs or the registry, but for the curves' address it passes on.
"""

from pathlib import Path
from typing import Any

import polars as pl

from components.config import Settings
from components.config.settings import Reward, Sft, Train
from components.records.messages import text_of
from components.training.job import Job, Tracking

PRETRAINING_LENGTH = 256  # tokens of a conversation a model from nothing is shown


def supervised(
    settings: Settings,
    base: str,
    train: pl.DataFrame,
    validation: pl.DataFrame,
    output: Path,
    tracking: Tracking | None,
) -> Job:
    """Imitate the chosen answers of the training side."""
    from components.training.objectives.supervised import rows

    return _job(
        settings,
        settings.sft,
        rows(train),
        rows(validation),
        label="Fine-tune on the chosen answers",
        objective="supervised",
        base=base,
        revision=settings.base.revision,
        output=output,
        max_length=settings.sft.max_length,
        tracking=tracking,
    )


def preference(
    settings: Settings,
    base: str,
    train: pl.DataFrame,
    validation: pl.DataFrame,
    output: Path,
    tracking: Tracking | None,
) -> Job:
    """Prefer chosen over rejected answers of the training side, held to the model the job starts from.

    Raises:
        BadInput: the settings do not go together.
    """
    from components.training.objectives.preference import options, rows

    return _job(
        settings,
        settings.train,
        rows(train),
        rows(validation),
        label="Optimise preferences (DPO)",
        objective="preference",
        base=base,
        output=output,
        gradient_accumulation=settings.train.gradient_accumulation,
        max_length=settings.train.max_length,
        options=options(settings.train),
        tracking=tracking,
    )


def classifier(
    settings: Settings,
    base: str,
    train: pl.DataFrame,
    validation: pl.DataFrame,
    output: Path,
    tracking: Tracking | None,
) -> Job:
    """Learn a reward as a sequence classifier on the training side."""
    from components.training.objectives.preference import rows

    return _job(
        settings,
        settings.reward,
        rows(train),
        rows(validation),
        label="Train the reward classifier",
        objective="reward",
        base=settings.reward.model or base,
        revision="main" if settings.reward.model else settings.base.revision,
        output=output,
        max_length=settings.train.max_length,
        tracking=tracking,
    )


def language(conversations: pl.DataFrame, output: Path, seed: int, epochs: float) -> Job:
    """Learn a language from nothing.

    Args:
        conversations: a column `messages`; its texts make the tokenizer.
        output: where the model is built.
        seed: of the weights and the order of the conversations.
        epochs: passes over the conversations.
    """
    from components.training import scratch

    start = output / "scratch"
    if not (output / "final").exists():
        tokenizer = scratch.tokenizer(conversations.select(text_of(pl.col("messages"))).to_series().to_list())
        scratch.language_model(tokenizer, seed).save_pretrained(start)
        tokenizer.save_pretrained(start)
    return Job(
        label="Pretrain a small base model",
        objective="language",
        base=str(start),
        train=_written(conversations.select("messages"), output / "train.parquet"),
        output=output,
        epochs=epochs,
        batch_size=32,
        max_length=PRETRAINING_LENGTH,
        checkpoint_steps=100,
        seed=seed,
    )


def conversations_of(preferences: pl.DataFrame) -> pl.DataFrame:
    """Every conversation the preferences tell of, once, as the column `messages`."""
    told = [preferences.select(messages=pl.concat_list("prompt", side)) for side in ("chosen", "rejected")]
    return pl.concat(told).unique(maintain_order=True)


def _job(
    settings: Settings, pace: Sft | Train | Reward, train: pl.DataFrame, validation: pl.DataFrame, **told: Any
) -> Job:
    """What every job of a retraining has in common: its rows in files, its pace, and how training runs at all."""
    output: Path = told["output"]
    return Job(
        train=_written(train, output / "train.parquet"),
        validation=_written(validation, output / "validation.parquet"),
        epochs=pace.epochs,
        learning_rate=pace.learning_rate,
        batch_size=pace.batch_size,
        lora_rank=settings.train.lora_rank,
        processes=settings.train.processes,
        checkpoint_steps=settings.train.checkpoint_steps,
        seed=settings.train.seed,
        **told,
    )


def _written(rows: pl.DataFrame, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    rows.write_parquet(target)
    return target
