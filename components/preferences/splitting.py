"""Shares preferences out to training, validation and test. A prompt is on one side, and stays there as data grows."""

from dataclasses import dataclass

import polars as pl

from components.config.settings import Split
from components.records.identity import sha256
from components.records.messages import asked, text_of


@dataclass(frozen=True)
class Sides:
    """The three sides of a dataset version, each records of `Preference`.

    Attributes:
        train: what models learn from.
        validation: what stops and calibrates them.
        test: what measures them; nothing is ever trained on it.
    """

    train: pl.DataFrame
    validation: pl.DataFrame
    test: pl.DataFrame

    @property
    def named(self) -> dict[str, pl.DataFrame]:
        """Name of each side to its preferences."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def seen(self) -> pl.DataFrame:
        """All that may shape a model: training, then validation."""
        return pl.concat([self.train, self.validation])


def split(preferences: pl.DataFrame, shares: Split) -> Sides:
    """Share out by a hash of the prompt alone, so nothing else that is in the dataset can move it."""
    place = prompt_groups(preferences).str.slice(0, 8).str.to_integer(base=16, dtype=pl.Int64) / 16**8
    test, validation = place < shares.test, place < shares.test + shares.validation
    return Sides(
        train=preferences.filter(~validation),
        validation=preferences.filter(validation & ~test),
        test=preferences.filter(test),
    )


def prompt_groups(preferences: pl.DataFrame) -> pl.Series:
    """Name the group of each prompt: prompts in which users say the same, but for case, spacing and punctuation.

    Returns:
        64 hex characters a row, shape (n,).
    """
    said = pl.coalesce(asked(pl.col("prompt")), text_of(pl.col("prompt")))
    words = said.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    # A prompt of nothing but signs has no words; it is its own text.
    return sha256(preferences.select(pl.when(words == "").then(said).otherwise(words)).to_series())
