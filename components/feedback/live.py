"""What users make of the answers that the capture service hears of now, and what a shadow would have said instead,
before any of it has landed.

Knows nothing of which answer they should like better.
"""

from contextlib import closing
from datetime import datetime

import polars as pl

from components.feedback.capture import collected
from components.feedback.capture.store import Store
from components.feedback.readers import read_rows
from components.feedback.readers.events import with_own_ids
from components.feedback.signals import appoint, detect
from components.feedback.signals.combining import log_odds
from components.feedback.signals.weighing import weights_of
from components.feedback.threads import followups
from components.records.messages import MESSAGES
from components.workspace import Workspace

VERDICTS = {"model": pl.String(), "user": pl.String(), "group": pl.String(), "verdict": pl.Int8()}
"""`verdict` of an answer: 1 where its user was satisfied, -1 where dissatisfied, 0 where nothing tells."""

SIDE_BY_SIDE = {
    "user": pl.String(),
    "group": pl.String(),
    "prompt": MESSAGES,
    "champion": pl.String(),
    "shadow": pl.String(),
}
"""What a user asked, the answer they got, and the one that they did not see."""

OF_A_USER = 5
"""Answers to one user that are laid side by side: the first ones, so that it stays the same ones at every look."""

ANSWERED = pl.Struct({"shadows": pl.String(), "model": pl.String(), "response": pl.String()})


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


def side_by_side(workspace: Workspace, after: int, shadow: str) -> pl.DataFrame:
    """What users got as an answer, and what a shadow answered to the same.

    Args:
        workspace: whose capture service is used.
        after: position in the store of what was captured; only what came later is looked at.
        shadow: as the store names the model.

    Returns:
        Columns of `SIDE_BY_SIDE`, up to `OF_A_USER` rows a user. An answer that says nothing is an empty text.

    Raises:
        StoreDown: the store does not answer.
    """
    if not collected.anything_captured(workspace):
        return pl.DataFrame(schema=SIDE_BY_SIDE)
    with closing(Store(workspace.capture_store)) as store:
        unseen = [body.decode() for body in store.shadows_after(after)]
        rows, _ = collected.rows(store, after)
    answers = pl.Series("answer", unseen, pl.String).str.json_decode(ANSWERED).struct.unnest()
    theirs = answers.filter(pl.col("model") == shadow).select("shadows", shadow=pl.col("response").fill_null(""))
    return (
        read_rows(rows, collected.FORMAT, collected.NAMED)
        .frames["interactions"]
        .join(with_own_ids(theirs, ("shadows",)), left_on="id", right_on="shadows", maintain_order="left")
        .drop_nulls("user")
        .with_columns(champion=pl.col("response").list.last().struct.field("content"))
        .group_by("user", maintain_order=True)
        .head(OF_A_USER)
        .select(*SIDE_BY_SIDE)
    )
