"""What the learned detector sees of turns, as numbers. Knows nothing of what they are worth."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from components.feedback.signals import rubrics
from components.feedback.signals.combining import log_odds
from components.feedback.signals.reactions import REACTION
from components.feedback.signals.rubric_names import POLARITY

if TYPE_CHECKING:
    from components.encoder import Encoder

SITUATION = "situation: "
SHOWN = [*POLARITY, *(SITUATION + name for name in ("revision", "unrealistic_expectation", "no_engagement"))]
READ = len(SHOWN) + 6
"""How many of the numbers are read from a turn and what it reacts to; the others are the turn's vector."""


def features(encoder: "Encoder", turns: pl.DataFrame) -> np.ndarray:
    """Numbers of turns.

    Args:
        encoder: the frozen sentence encoder.
        turns: what `rubrics.turns_of` gives, shape (n, …).

    Returns:
        float32, shape (n, READ + layers * width).
    """
    return np.hstack([_shown(turns), _situation(turns), encoder.encode(turns["text"], "Read the turns")]).astype(
        np.float32
    )


def _shown(turns: pl.DataFrame) -> np.ndarray:
    """What the strongest phrase or situation of each rubric tells, shape (n, len(SHOWN))."""
    name = pl.when(pl.col("offset").is_null()).then(pl.lit(SITUATION) + pl.col("rubric")).otherwise("rubric")
    told = rubrics.shown(turns).group_by("turn", name=name).agg(pl.col("tells").max())
    columns = told["name"].replace_strict({name: i for i, name in enumerate(SHOWN)})
    numbers = np.zeros((turns.height, len(SHOWN)))
    numbers[told["turn"].to_numpy(), columns.to_numpy()] = told["tells"].to_numpy()
    return numbers


def _situation(turns: pl.DataFrame) -> np.ndarray:
    """What the user's turn before shows, how far the conversation is, how much was said, and who asks; shape (n, 6)."""
    before = turns.select(
        *(pl.lit(None, dtype).alias(name) for name, dtype in REACTION.items() if name not in ("kind", "text")),
        kind=pl.lit("followup"),
        text="asked",
    )
    mood = rubrics.findings(rubrics.turns_of(before)).select("row", mood=log_odds())
    rows = turns.select("text", "answered", "earlier", "asking", row="turn")
    return (
        rows.join(mood, on="row", how="left", maintain_order="left")
        .select(
            pl.col("mood").fill_null(0.0),
            pl.col("earlier").fill_null(1).log1p().alias("place"),
            pl.col("text").str.len_chars().log1p().alias("said"),
            pl.col("answered").fill_null("").str.len_chars().log1p().alias("told"),
            pl.col("asking").cast(pl.Float64),
            pl.col("text").str.contains(rubrics.QUESTION).cast(pl.Float64).alias("questions"),
        )
        .to_numpy()
    )
