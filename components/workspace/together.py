"""Puts records on shelves so that those that belong together lie together. Knows nothing of what is made of them."""

from collections.abc import Iterator

import polars as pl

from components.records.schemas import KINDS, Feedback, Interaction, as_records, empty
from components.records.threads import threads
from components.workspace import versions
from components.workspace.known import related
from components.workspace.shelves import Shelves
from components.workspace.workspace import Workspace

UNPLACED, NAMES, TWICE, ACTS = "feedback to be placed", "names", "named twice", "acts"
SAID = ["user", "group", "created_at"]
PLACES = {"id": pl.String(), "thread": pl.UInt64()}


def put(aside: Shelves, frames: dict[str, pl.DataFrame]) -> None:
    """Put records of every kind aside.

    Feedback does not tell its thread: where there are several shelves, it is placed by `put_together`.
    """
    for kind, records in frames.items():
        if records.is_empty():
            continue
        if aside.count == 1:
            aside.put_on(kind, records, 0)
        elif kind == "feedback":
            aside.put(UNPLACED, records, records["interaction"].hash())
        elif "prompt" in records.columns:
            numbers = threads(records)
            aside.put(kind, records, numbers)
            if kind == "interactions":
                aside.put(NAMES, records.select("id", thread=numbers), records["id"].hash())
        else:
            aside.put(kind, records, records["id"].hash())


def put_known(workspace: Workspace, digest: str, aside: Shelves) -> None:
    """Put all interactions and all feedback of a version aside; what is put later comes after it."""
    for kind in ("interactions", "feedback"):
        for frame in versions.scan(workspace, digest, kind):
            height = frame.select(pl.len()).collect().item()
            for start in range(0, height, versions.GROUP):
                put(aside, {kind: as_records(frame.slice(start, versions.GROUP).collect(), KINDS[kind])})


def put_together(aside: Shelves) -> None:
    """Place feedback beside the interaction it is about, and who left it beside what else they did.

    Which interactions have another's id is noted too.
    """
    for shelf in range(aside.count):
        names = aside.take(NAMES, shelf, pl.DataFrame(schema=PLACES))
        first = names.unique("id", keep="first", maintain_order=True)
        others = names.join(first, on=["id", "thread"], how="anti")
        aside.put(TWICE, others, others["thread"])
        told = aside.take(UNPLACED, shelf, empty(Feedback))
        numbers = told.join(
            first.rename({"id": "interaction"}), on="interaction", how="left", maintain_order="left"
        ).select(pl.coalesce("thread", pl.col("interaction").hash()))
        aside.put("feedback", told, numbers.to_series())
        aside.put(ACTS, told.select(SAID), told["user"].hash())
    for kind in (NAMES, UNPLACED):
        aside.drop(kind)


def acts(aside: Shelves) -> Iterator[pl.DataFrame]:
    """Who left feedback and when, all of a user's in one frame: `user`, `group`, `created_at`."""
    if aside.count == 1:
        yield aside.take("feedback", 0, empty(Feedback)).select(SAID)
    else:
        yield from (aside.take(ACTS, shelf, empty(Feedback).select(SAID)) for shelf in range(aside.count))


def groups(workspace: Workspace, digest: str, aside: Shelves) -> pl.DataFrame:
    """The group of each user whose feedback, new or known, names one: `user`, `group`, the one named first."""
    first = [_first_named(told) for told in acts(aside)]
    if aside.count == 1:
        told, asked = (aside.take(kind, 0, empty(KINDS[kind]))["user"] for kind in ("feedback", "interactions"))
        users = pl.concat([told, asked]).unique()
        named = pl.col("user").is_in(users.implode()) & pl.col("group").is_not_null()
        known = [frame.select(SAID).filter(named) for frame in versions.scan(workspace, digest, "feedback")]
        first = [*(_first_named(frame.collect(engine="streaming")) for frame in known), *first]
    return _first_named(pl.concat(first)).select("user", "group")


def _first_named(told: pl.DataFrame) -> pl.DataFrame:
    return told.drop_nulls(["user", "group"]).sort("created_at", maintain_order=True).unique("user", keep="first")


def with_groups(feedback: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Feedback of users whose group is known from what they said elsewhere, with that group."""
    elsewhere = feedback.join(groups, on="user", how="left", maintain_order="left", suffix="_elsewhere")
    return elsewhere.with_columns(group=pl.coalesce("group", "group_elsewhere")).drop("group_elsewhere")


def together(workspace: Workspace, digest: str, aside: Shelves, shelf: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Interactions and feedback on a shelf, with all that is known and belongs to them; of an id the first.

    Args:
        workspace: whose dataset.
        digest: content hash of the version that is known.
        aside: what is new; where there are several shelves, what is known too.
        shelf: from 0.
    """
    interactions = aside.take("interactions", shelf, empty(Interaction))
    feedback = aside.take("feedback", shelf, empty(Feedback))
    if aside.count == 1:
        asked, told = related(workspace, digest, interactions, feedback)
        interactions, feedback = pl.concat([asked, interactions]), pl.concat([told, feedback])
    else:
        interactions, _ = named_once(aside, shelf, interactions)
    return _each_once(interactions), _each_once(feedback)


def named_once(aside: Shelves, shelf: int, interactions: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part interactions of a shelf into those to take, and those whose id another has that begins differently."""
    others = aside.take(TWICE, shelf, pl.DataFrame(schema=PLACES))
    if others.is_empty():
        return interactions, interactions.clear()
    numbered = interactions.with_columns(thread=threads(interactions))
    parted = [
        numbered.join(others, on=["id", "thread"], how=how, maintain_order="left").drop("thread")
        for how in ("anti", "semi")
    ]
    return parted[0], parted[1]


def _each_once(records: pl.DataFrame) -> pl.DataFrame:
    return records.unique("id", keep="first", maintain_order=True)
