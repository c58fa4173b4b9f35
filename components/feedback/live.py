"""What users make of the answers that the capture service hears of now, before any of it has landed.

Knows nothing of which answer they should like better.
"""

from contextlib import closing
from datetime import datetime

import polars as pl

from components.feedback.capture import collected
from components.feedback.capture.store import Store
from components.feedback.readers import read_rows
from components.feedback.signals import appoint, detect
from components.feedback.signals.combining import log_odds
from components.feedback.signals.weighing import weights_of
from components.feedback.threads import followups
from components.workspace import Workspace

VERDICTS = {"model": pl.String(), "user": pl.String(), "group": pl.String(), "verdict": pl.Int8()}
"""`verdict` of an answer: 1 where its user was satisfied, -1 where dissatisfied, 0 where nothing tells."""


def position(workspace: Workspace) -> int:
    """Of the last event that was captured; 0 where none was.

    Raises:
        StoreDown: the store does not answer.
    """
    if not collected.anything_captured(workspace):
        return 0
    with closing(Store(workspace.capture_store)) as store:
        return store.last()


def verdicts(workspace: Workspace, after: int, since: datetime) -> pl.DataFrame:
    """Every answer that a user got, and what they made of it.

    Args:
        workspace: whose capture service, detectors and weights are used.
        after: position in the store of what was captured; only what came later is looked at.
        since: answers from before are left out.

    Returns:
        Columns of `VERDICTS`, one row an answer whose user and model are known.

    Raises:
        StoreDown: the store does not answer.
        BadInput: a detector cannot work.
    """
    if not collected.anything_captured(workspace):
        return pl.DataFrame(schema=VERDICTS)
    with closing(Store(workspace.capture_store)) as store:
        rows, _ = collected.rows(store, after)
    heard = read_rows(rows, collected.FORMAT, collected.NAMED).frames
    interactions, told = heard["interactions"], heard["feedback"]
    names = workspace.settings.signals.detectors
    feedback = pl.concat([told, followups(interactions, told)])
    signals = detect(feedback, interactions, appoint(names, workspace))
    weights = pl.DataFrame({"name": names, "weight": [weights_of(workspace, names).get(name, 1.0) for name in names]})
    dissatisfied = (
        signals.with_columns(name=pl.col("detector").str.split("/").list.first(), odds=log_odds())
        .join(weights, on="name", how="left")
        .group_by("interaction")
        .agg(odds=(pl.col("odds") * pl.col("weight").fill_null(1.0)).sum())
    )
    return (
        interactions.filter(pl.col("created_at") >= since)
        .drop_nulls(["model", "user"])
        .join(dissatisfied, left_on="id", right_on="interaction", how="left", maintain_order="left")
        .select("model", "user", "group", verdict=(-pl.col("odds").fill_null(0.0)).sign().cast(pl.Int8))
    )
