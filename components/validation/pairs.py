"""Pairs as audits count them: some of a million, what they say, and which of them say the same thing twice.

Knows nothing of what is looked for in them.
"""

import numpy as np
import polars as pl
from scipy.stats import norm

from components.bootstrap import estimate, ratio_of_means
from components.records.handles import Estimate
from components.records.messages import text_of, transcript
from components.validation.material import Material

MOST = 100_000
"""Pairs that are looked at: of so many a share is known to 0.3 points, so a million would teach no more."""

FEWEST = 20
"""Units without which nothing is said: an interval around a share of fewer leaves everything open."""

A_TASK = 50
"""Pairs of one prompt from which on the prompt is a task that many texts were written for, not a question."""

BLOCKS = 500
"""Units are thrown together into so many at most before they are drawn again: the interval's width is known to 3%."""


def some(material: Material, most: int = MOST) -> pl.DataFrame:
    """The pairs of a material, a random `most` of them where there are more."""
    pairs = material.preferences
    return pairs.sample(most, seed=material.seed) if pairs.height > most else pairs


def answers(pairs: pl.DataFrame, side: str) -> pl.Series:
    """What chosen or rejected says, shape (n,)."""
    return pairs.select(text_of(pl.col(side)).fill_null("")).to_series()


def question(pairs: pl.DataFrame) -> pl.Series:
    """The last message of each prompt, shape (n,)."""
    return pairs.select(pl.col("prompt").list.last().struct.field("content").fill_null("")).to_series()


def units(pairs: pl.DataFrame) -> np.ndarray:
    """Which pairs tell of the same thing, and so tell it only once: those of one prompt.

    Of a task (one prompt that thousands of texts were written for, as an advertisement) those with the same chosen
    answer are one unit.

    Returns:
        A number a pair, shape (n,), uint64.
    """
    prompt = transcript(pl.col("prompt")).hash()
    chosen = pl.struct("prompt_key", transcript(pl.col("chosen")).hash()).hash()
    keyed = pairs.select(prompt.alias("prompt_key"), "chosen")
    is_task = pl.len().over("prompt_key") > A_TASK
    return keyed.select(pl.when(is_task).then(chosen).otherwise("prompt_key")).to_series().to_numpy()


def enough(unit: np.ndarray, fewest: int = FEWEST) -> bool:
    """Whether there are units enough to say something of them."""
    return len(np.unique(unit)) >= fewest


def where_only_one(chosen: np.ndarray, rejected: np.ndarray, unit: np.ndarray, material: Material) -> Estimate | None:
    """The share preferred of answers that have something the other has not; None where there are too few.

    Args:
        chosen, rejected: whether they have it, shape (n,).
        unit: as `units` gives it, shape (n,).
        material: for resamples and seed.
    """
    one = chosen != rejected
    return share(chosen & one, one, unit, material) if enough(unit[one]) else None


def share(hits: np.ndarray, of: np.ndarray, unit: np.ndarray, material: Material) -> Estimate:
    """How much of something is a hit.

    The interval is the wider, at each end, of the bootstrap's over units and Wilson's: where all of a few are hits the
    bootstrap draws the same each time and would be sure of it.

    Args:
        hits: at most `of`, shape (n,).
        of: 1 for each pair that could be one, or what it weighs, shape (n,).
        unit: as `units` gives it, shape (n,).
        material: for resamples and seed.
    """
    drawn = ratio(hits, of, unit, material)
    z = float(norm.ppf(0.975))
    half = z * np.sqrt(drawn.value * (1 - drawn.value) / drawn.n + z**2 / (4 * drawn.n**2))
    middle, narrowed = drawn.value + z**2 / (2 * drawn.n), 1 + z**2 / drawn.n
    low, high = (middle - half) / narrowed, (middle + half) / narrowed
    return drawn.model_copy(update={"low": float(min(drawn.low, low)), "high": float(max(drawn.high, high))})


def ratio(above: np.ndarray, below: np.ndarray, unit: np.ndarray, material: Material) -> Estimate:
    """Sum of one thing over the sum of another, shapes (n,), with its bootstrap interval over units.

    A million units are drawn as quickly as a thousand, because they are thrown together into blocks at random before.
    """
    told = np.column_stack([above, below]).astype(float)[below != 0]
    blocks, count = _blocks(unit[below != 0], material.seed)
    sums = np.column_stack([np.bincount(blocks, weights=column) for column in told.T])
    drawn = estimate(sums, resamples=material.resamples, seed=material.seed, statistic=ratio_of_means)
    return drawn.model_copy(update={"n": count})


def _blocks(unit: np.ndarray, seed: int) -> tuple[np.ndarray, int]:
    """The block of each unit, at random and with as many units in each, and how many units there are."""
    known, place = np.unique(unit, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(known)) % BLOCKS
    return shuffled[place], len(known)
