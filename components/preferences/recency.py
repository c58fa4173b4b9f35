"""Says from when on data counts as the newest. Knows nothing of what is done with it."""

from datetime import datetime

import numpy as np
import polars as pl

FEWEST = 1000
"""Records with a time before any is held out: the newest of fewer are too few to measure anything on."""

GROWTH = 1.02


def newest_after(created: pl.Series, share: float) -> datetime | None:
    """The time after which a record is among the newest `share`.

    It never goes back as data grows, even where old data lands late, so that what has been trained on is never held
    out again: it is the latest of the times that a share is newer than, each time the data has grown by 2%. So between
    `share` and 2% more is newer, and less where old data landed after new. Before there were `FEWEST` records nothing
    was held out, so of what was trained on then, `share` is among the newest once.

    Args:
        created: when each record was made, in the order they landed; null where that is not known.
        share: in [0, 1).

    Returns:
        None where nothing is held out.
    """
    times = created.drop_nulls().to_physical().to_numpy()
    steps = int(np.log(max(len(times) / FEWEST, 1)) / np.log(GROWTH))
    sizes = [size for size in (int(FEWEST * GROWTH**step) for step in range(steps + 1)) if size <= len(times)]
    if not sizes or not share:
        return None
    after = max(_older(times[:size], share) for size in sizes)
    return pl.Series([after]).cast(created.dtype).item()


def _older(times: np.ndarray, share: float) -> int:
    """The latest of those that are not among the newest share."""
    last = len(times) - 1 - int(share * len(times))
    return int(np.partition(times, last)[last])
