"""Ingest: from files, or from what users just did, to the next dataset version."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from prefect import flow, task
from pydantic import BaseModel

from components.feedback.readers import read
from components.feedback.signals import appoint, detect
from components.preferences.building import build
from components.records.handles import DatasetVersion
from components.records.schemas import KINDS, PROBLEM, Preference, empty
from components.validation import quarantine
from components.validation.batch import judge
from components.workspace import Workspace, versions


class Landing(BaseModel):
    """What an ingest did.

    Attributes:
        dataset: the version that now holds everything.
        landed: kind of record to how many were new.
        held: how many rows went to quarantine.
        quarantined: the file they are in, None where none were.
    """

    dataset: DatasetVersion
    landed: dict[str, int]
    held: int
    quarantined: Path | None


@flow(name="ingest", validate_parameters=False)
def ingest(workspace: Workspace, sources: Sequence[Path], format: str | None = None) -> Landing:
    """Land files of feedback or preferences."""
    reading = task(name="read")(read)(sources, format)
    return _land(workspace, reading.frames, reading.problems, ", ".join(source.name for source in sources))


@flow(name="hear", validate_parameters=False)
def hear(workspace: Workspace, interactions: pl.DataFrame, feedback: pl.DataFrame, told_by: str) -> Landing:
    """Land feedback that is at hand as records."""
    frames = {"interactions": interactions, "feedback": feedback}
    return _land(workspace, frames, pl.DataFrame(schema=PROBLEM), told_by)


def _land(workspace: Workspace, frames: dict[str, pl.DataFrame], problems: pl.DataFrame, told_by: str) -> Landing:
    sound, unsound = task(name="validate")(judge)(frames)
    made, spoiled = task(name="make preferences")(_pairs)(workspace, sound)
    held = pl.concat([problems, unsound, spoiled])
    file = task(name="quarantine")(quarantine.hold)(workspace.quarantine, held)
    dataset, landed = task(name="land")(versions.land)(workspace, {**sound, **made}, told_by)
    return Landing(dataset=dataset, landed=landed, held=held.height, quarantined=file)


def _pairs(workspace: Workspace, sound: dict[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Preferences that came as such, and those that follow from all feedback known by now.

    All, not only the new: feedback may land before its interaction, and a like before the dislike it makes a pair with.
    Pairs the dataset already has are left out as it lands.
    """
    pinned = versions.pinned_hash(workspace)

    def known(kind: str) -> pl.DataFrame:
        new = sound.get(kind, empty(KINDS[kind]))
        return pl.concat([versions.read(workspace, pinned, kind), new]).unique("id", keep="first", maintain_order=True)

    feedback, interactions = known("feedback"), known("interactions")
    signals = detect(feedback, interactions, appoint(workspace.settings.signals.detectors, workspace))
    made = build(feedback, interactions, signals)
    told = pl.concat([sound.get("preferences", empty(Preference)), made])
    return judge({"signals": signals, "preferences": told})
