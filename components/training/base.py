"""The base model of a workspace that names none: made once from its own conversations."""

from pathlib import Path

import polars as pl

from components.training import jobs, launch

EPOCHS = 1.0


def make(preferences: pl.DataFrame, output: Path, seed: int) -> str:
    """Build and pretrain a small language model on what the preferences tell of.

    Args:
        preferences: records of `Preference`, of the training side.
        output: where it is kept; a model that is there already is not made again.
        seed: of its weights.

    Returns:
        Its folder.
    """
    final = output / "final"
    if not final.exists():
        launch.run(jobs.language(jobs.conversations_of(preferences), output, seed, EPOCHS))
    return str(final)
