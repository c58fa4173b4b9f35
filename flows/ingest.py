"""Ingest: from files, or from what users just did, to the next dataset version."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
from prefect import flow, task
from pydantic import BaseModel

from components.endpoint import shared
from components.feedback.readers import Reading, mlflow_traces, read, read_rows
from components.feedback.signals import appoint, detect
from components.feedback.threads import followups
from components.preferences import building
from components.preferences.building import Made, build
from components.preferences.revising import revised
from components.records.handles import DatasetVersion
from components.records.schemas import KINDS, PROBLEM, empty
from components.validation import quarantine
from components.validation.batch import judge
from components.workspace import Workspace, versions

MLFLOW = "mlflow:"


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
def ingest(workspace: Workspace, sources: Sequence[str], format: str | None = None) -> Landing:
    """Land files of feedback or preferences, and the traces of MLflow experiments (named mlflow:EXPERIMENT)."""
    files = [Path(source) for source in sources if not source.startswith(MLFLOW)]
    experiments = [source.removeprefix(MLFLOW) for source in sources if source.startswith(MLFLOW)]
    readings = [task(name="read")(read)(files, format)] if files else []
    readings += [task(name="read traces")(_traces)(workspace, experiment) for experiment in experiments]
    frames = {kind: pl.concat([reading.frames[kind] for reading in readings]) for kind in KINDS}
    told_by = ", ".join([*(file.name for file in files), *experiments])
    return land(workspace, frames, pl.concat([reading.problems for reading in readings]), told_by)


def _traces(workspace: Workspace, experiment: str) -> Reading:
    rows = mlflow_traces.rows_from_store(workspace.tracking_uri, experiment)
    return read_rows(rows, "mlflow", Path(experiment))


@flow(name="hear", validate_parameters=False)
def hear(workspace: Workspace, interactions: pl.DataFrame, feedback: pl.DataFrame, told_by: str) -> Landing:
    """Land feedback that is at hand as records."""
    frames = {"interactions": interactions, "feedback": feedback}
    return land(workspace, frames, pl.DataFrame(schema=PROBLEM), told_by)


def land(workspace: Workspace, frames: dict[str, pl.DataFrame], problems: pl.DataFrame, told_by: str) -> Landing:
    """Judge records, make of them all that can be made, and land what is sound as one version.

    Args:
        frames: kind to records, not yet judged.
        problems: rows that are to be held already.
        told_by: where they come from.
    """
    sound, unsound = task(name="validate")(judge)(frames)
    heard, signals, made = task(name="make preferences")(_made)(workspace, sound)
    derived, spoiled = task(name="validate what was made")(judge)(
        {
            "feedback": heard,
            "signals": signals,
            "preferences": made.preferences,
            "unpaired": made.unpaired,
            "checklists": made.checklists,
        }
    )
    doubted = quarantine.unheld(workspace.quarantine, quarantine.as_problems(made.doubted))
    held = pl.concat([problems, unsound, spoiled, doubted])
    file = task(name="quarantine")(quarantine.hold)(workspace.quarantine, held)
    everything = {
        kind: pl.concat([sound.get(kind, empty(schema)), derived.get(kind, empty(schema))]).unique(
            "id", keep="first", maintain_order=True
        )
        for kind, schema in KINDS.items()
    }
    dataset, landed = task(name="land")(versions.land)(workspace, everything, told_by)
    return Landing(dataset=dataset, landed=landed, held=held.height, quarantined=file)


def _made(workspace: Workspace, sound: dict[str, pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame, Made]:
    """Follow-ups heard in conversations, signals, and what follows from them, in all that is known by now.

    All, not only the new: feedback may land before its interaction, and a like before the dislike it makes a pair with.
    What the dataset already has is left out as it lands.
    """
    pinned = versions.pinned_hash(workspace)

    def known(kind: str) -> pl.DataFrame:
        new = sound.get(kind, empty(KINDS[kind]))
        return pl.concat([versions.read(workspace, pinned, kind), new]).unique("id", keep="first", maintain_order=True)

    told, interactions = known("feedback"), known("interactions")
    heard = followups(interactions, told)
    feedback = pl.concat([told, heard])
    signals = detect(feedback, interactions, appoint(workspace.settings.signals.detectors, workspace))
    made = build(feedback, interactions, signals, workspace.settings.preferences)
    if workspace.settings.preferences.revise:
        endpoint = shared(workspace.settings.endpoint, workspace.answers)
        written = revised(building.heard(feedback, interactions, signals), endpoint)
        made = replace(made, preferences=pl.concat([made.preferences, written]).unique("id", maintain_order=True))
    return heard, signals, made
