"""How much each preference counts in training: less as it ages, and no rater more than their share of all.

A pure function, applied when a model is trained: the dataset keeps preferences as they were said.
"""

import numpy as np
import polars as pl

from components.config.settings import Preferences

DAY = 24 * 60 * 60 * 1_000_000  # microseconds


def weigh(preferences: pl.DataFrame, settings: Preferences) -> pl.DataFrame:
    """Multiply each weight by what age and its rater's share leave of it.

    A preference loses half its weight in every `half_life` days before the newest one; one without a time loses none. A
    rater whose weights come to more than `user_share` of all has them scaled down together to just that share; where
    there are too few raters to keep to it, all have the same. Those of no known rater are not scaled; each counts as
    one more rater.

    Args:
        preferences: records of `Preference` or `Unpaired`, shape (n,).
        settings: the section `preferences`.

    Returns:
        The same records in the same order, with other weights; a weight never grows.
    """
    created = pl.col("created_at")
    age = (created.max() - created).dt.total_microseconds() / DAY
    aged = preferences.with_columns(weight=pl.col("weight") * (0.5 ** (age / settings.half_life)).fill_null(1.0))
    # Weight has to stay above zero, however old.
    aged = aged.with_columns(pl.col("weight").clip(lower_bound=1e-12))
    sums = aged.drop_nulls("rater").group_by("rater", maintain_order=True).agg(mass=pl.col("weight").sum())
    nobodys = aged.filter(pl.col("rater").is_null())["weight"]
    enough = (sums.height + len(nobodys)) * settings.user_share >= 1
    level = cap(sums["mass"].to_numpy(), float(nobodys.sum()), settings.user_share) if enough else sums["mass"].min()
    scale = sums.select("rater", scale=(level / pl.col("mass")).clip(upper_bound=1.0))
    return (
        aged.join(scale, on="rater", how="left", maintain_order="left")
        .with_columns(pl.col("weight") * pl.col("scale").fill_null(1.0))
        .drop("scale")
    )


def cap(masses: np.ndarray, rest: float, share: float) -> float:
    """The highest level to cut masses down to at which none is more than `share` of what is left of all.

    Args:
        masses: shape (n,), each above 0.
        rest: mass that is not cut.
        share: in (0, 1).

    Returns:
        The level, infinite where nothing has to be cut; the smallest mass where no higher level will do.
    """
    falling = np.sort(masses)[::-1]
    if not len(falling) or falling[0] <= share * (rest + falling.sum()):
        return np.inf
    # Cut the k largest to one level that is their share exactly, for k = 1, 2, …: level = share * (k * level + below).
    k = np.arange(1, len(falling) + 1)
    below = rest + falling.sum() - np.cumsum(falling)
    room = np.maximum(1 - share * k, 1e-12)
    levels = np.where(share * k < 1, share * below / room, falling)
    fits = np.flatnonzero(levels >= np.append(falling[1:], 0.0) * (1 - 1e-12))
    return float(levels[fits[0]]) if len(fits) and levels[fits[0]] > 0 else float(falling[-1])
