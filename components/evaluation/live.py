"""Compares what users make of a canary with what the others make of the champion. Knows nothing of what follows.

A user's approval is the share that satisfied them of those answers of which they let anything be known, 0 to 1. Most
answers pass without a word, so a share of all would hardly move. Each user counts once, however much they say.
"""

import numpy as np
import polars as pl

from components.bootstrap import estimate, ratio_of_means
from components.evaluation.grouping import ENOUGH, by_group
from components.records.handles import Estimate

APPROVAL = "live/approval"


def measure(verdicts: pl.DataFrame, canary: str, champion: str, resamples: int, seed: int) -> dict[str, Estimate]:
    """How much more those approve who got the canary.

    Args:
        verdicts: columns `model`, `user`, `group` and `verdict` (1 satisfied, -1 dissatisfied, 0 neither), an answer a
            row.
        canary: as `model` names it.
        champion: likewise.
        resamples: bootstrap resamples of the users.
        seed: of the resampling.

    Returns:
        `live/approval`, the difference (-1 to 1), for all and for each group of users with enough on both sides;
        `live/approval_canary` and `live/approval_champion`, the two sides. The n of a difference is the number of such
        users on the smaller side. Nothing where that is below `ENOUGH`.
    """
    users = (
        verdicts.filter(pl.col("model").is_in([canary, champion]) & (pl.col("verdict") != 0))
        .group_by("user", maintain_order=True)
        .agg(pl.col("group").drop_nulls().last(), *_side(canary, "canary"), *_side(champion, "champion"))
    )
    values = users.select("canary", "got_canary", "champion", "got_champion").to_numpy().astype(float)
    found: dict[str, Estimate] = {}
    for name, theirs in by_group(APPROVAL, users["group"].to_list()).items():
        if (enough := _smaller_side(values[theirs])) >= ENOUGH:
            difference = estimate(values[theirs], resamples=resamples, seed=seed, statistic=_difference)
            found[name] = difference.model_copy(update={"n": enough})
    if APPROVAL in found:
        for side, column in (("canary", 0), ("champion", 2)):
            theirs = values[values[:, column + 1] > 0][:, column : column + 2]
            found[f"{APPROVAL}_{side}"] = estimate(theirs, resamples=resamples, seed=seed, statistic=ratio_of_means)
    return found


def _side(model: str, name: str) -> tuple[pl.Expr, pl.Expr]:
    theirs = (pl.col("verdict") > 0).filter(pl.col("model") == model)
    return theirs.mean().fill_null(0.0).alias(name), (theirs.len() > 0).alias(f"got_{name}")


def _smaller_side(values: np.ndarray) -> int:
    return int((values[:, [1, 3]] > 0).sum(axis=0).min())


def _difference(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Of the means of those on one side and on the other, in every resample."""
    return ratio_of_means(values[:, :2], counts) - ratio_of_means(values[:, 2:], counts)
