"""Compares what a shadow answered with what users got instead, by a judge. Knows nothing of what follows.

Each user counts once, however much they ask.
"""

import polars as pl

from components.bootstrap import estimate
from components.evaluation.grouping import ENOUGH, by_group
from components.evaluation.judges import Judge, compare
from components.records.handles import Estimate

WIN_RATE = "shadow/win_rate"


def measure(answers: pl.DataFrame, judge: Judge, resamples: int, seed: int) -> dict[str, Estimate]:
    """How often the judge prefers the shadow's answer.

    Args:
        answers: columns `user`, `group`, `prompt` (messages), `champion` and `shadow` (texts), a prompt a row.
        judge: who is asked, in both orders.
        resamples: bootstrap resamples of the users.
        seed: of the resampling.

    Returns:
        `shadow/win_rate`, the mean over users of the share of their prompts that it wins (ties count half), for all and
        for each group of users; n is the number of users. Nothing of fewer than `ENOUGH`.
    """
    if answers["user"].n_unique() < ENOUGH:
        return {}
    verdicts = compare(judge, *(answers[column].to_list() for column in ("prompt", "shadow", "champion")))
    users = (
        answers.select("user", "group", win=verdicts.challenger_wins)
        .filter(verdicts.judged)
        .group_by("user", maintain_order=True)
        .agg(pl.col("group").drop_nulls().last(), pl.col("win").mean())
    )
    wins = users["win"].to_numpy()
    return {
        name: estimate(wins[theirs], resamples=resamples, seed=seed)
        for name, theirs in by_group(WIN_RATE, users["group"].to_list()).items()
        if theirs.sum() >= ENOUGH
    }
