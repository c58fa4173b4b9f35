"""Trace: what became of one piece of feedback, or of one interaction, from when it was captured to who learned from it.

Its id is the one that goes all the way: events keep it in the store, records in the dataset, signals name it, what was
made of them names those, a dataset version holds all of it, and a model version names the dataset version.
"""

import hashlib
from contextlib import closing
from typing import Any, cast

from pydantic import BaseModel

from components import journal
from components.feedback.capture import collected
from components.feedback.capture.store import Store
from components.records.errors import BadInput
from components.registry import models
from components.registry.models import CHAMPION, POLICY
from components.validation import quarantine
from components.workspace import Workspace, lineage, pinning


class Step(BaseModel):
    """One thing that became of it.

    Attributes:
        what: `captured`, `held`, `landed`, `signal`, `made`, `trained`.
        id: of the event, record, row in quarantine, or model version.
        at: when, ISO 8601; None where nobody noted it.
        where: the store, a batch, a dataset version.
        told: the rest, in words.
    """

    what: str
    id: str
    at: str | None
    where: str
    told: str


class Trace(BaseModel):
    """What became of it.

    Attributes:
        steps: in the order they came.
        journal: the lines about it, about the batches it landed in, and of whatever was done with those: lines of one
            retraining have one `correlation`, which is the id of its run in Prefect.
    """

    steps: tuple[Step, ...]
    journal: tuple[dict[str, Any], ...]


def trace(workspace: Workspace, id: str) -> Trace:
    """Everything that became of it.

    Args:
        workspace: where.
        id: as the application or the file named it, or as heed does.

    Raises:
        BadInput: nobody knows it.
    """
    names = [id, hashlib.sha256(id.encode()).hexdigest()[:32]]  # ids of others are kept as their hash
    landed = next((found for name in names if (found := lineage.follow(workspace, name))), [])
    batches = {one.batch for one in landed}
    steps = [
        *_captured(workspace, id),
        *_held(workspace, [*names, *(str(one.record["id"]) for one in landed)]),
        *(_step(one) for one in landed),
        *_learned(workspace, {one.batch for one in landed if one.kind in lineage.MADE_OF}),
    ]
    if not steps:
        raise BadInput("nothing is known of it", id, "Name an interaction or a piece of feedback by its whole id.")
    return Trace(steps=tuple(steps), journal=tuple(_journal(workspace, {id, *batches})))


def _journal(workspace: Workspace, names: set[str]) -> list[dict[str, Any]]:
    """The lines that have one of the names in them, and all others of what was being done then."""
    naming = journal.lines(workspace.logs, names)
    done = {str(line["correlation"]) for line in naming if "correlation" in line}
    about = journal.lines(workspace.logs, names | done)
    return [line for line in about if "ids" not in line or not names.isdisjoint(cast(list[str], line["ids"]))]


def _captured(workspace: Workspace, id: str) -> list[Step]:
    if not collected.anything_captured(workspace):
        return []
    with closing(Store(workspace.capture_store)) as store:
        events = [body for body in (store.event(id), *store.about(id)) if body]
    return [Step(what="captured", id=id, at=None, where="capture store", told=body.decode()) for body in events]


def _held(workspace: Workspace, names: list[str]) -> list[Step]:
    rows = quarantine.naming(workspace.quarantine, names)
    return [
        Step(
            what="held",
            id=row["id"],
            at=row["at"].isoformat(),
            where="quarantine",
            told=f"{row['reason']}: {row['state']}",
        )
        for row in rows.to_dicts()
    ]


def _step(one: lineage.Landed) -> Step:
    record = one.record
    what = {"interactions": "landed", "feedback": "landed", "signals": "signal"}.get(one.kind, "made")
    told = {
        "interactions": lambda: f"an interaction with {record['model'] or 'a model'}",
        "feedback": lambda: f"{record['kind']}",
        "signals": lambda: f"{record['polarity']} ({record['rubric']}), as {record['detector']} reads it",
        "preferences": lambda: f"a preference of strength {record['strength']:.2f}",
        "unpaired": lambda: f"{'a desirable' if record['desirable'] else 'an undesirable'} answer without a partner",
    }[one.kind]()
    where = f"batch {one.batch}" + (f", dataset version {one.dataset[:12]}" if one.dataset else "")
    return Step(what=what, id=str(record["id"]), at=one.landed_at, where=where, told=told)


def _learned(workspace: Workspace, batches: set[str]) -> list[Step]:
    if not batches:
        return []
    champion = models.at_alias(workspace, POLICY, CHAMPION)
    steps = []
    for model in reversed(models.versions(workspace, POLICY)):
        if not model.dataset or not pinning.is_here(workspace, model.dataset):
            continue
        held = {name.split("/")[0] for name in pinning.files_of(workspace, model.dataset)}
        if batches <= held:
            decision = models.tag(workspace, model, "heed.decision") or "the first model"
            now = "; it is the champion" if champion and champion.version == model.version else ""
            steps.append(
                Step(
                    what="trained",
                    id=f"{model.name}/{model.version}",
                    at=models.tag(workspace, model, "heed.promoted_at"),
                    where=f"dataset version {model.dataset[:12]}",
                    told=f"{decision}{now}",
                )
            )
    return steps
