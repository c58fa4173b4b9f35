"""Moves the aliases, and writes down why. Knows nothing of what was measured or decided."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from components import journal
from components.records.errors import BadInput
from components.records.handles import ModelVersion
from components.registry import history
from components.registry.models import CHALLENGER, CHAMPION, POLICY, at_alias, name_of, tag, version_named
from components.tracking import client
from components.workspace import Workspace

SUCCEEDED = "heed.succeeded"


@contextmanager
def deciding(workspace: Workspace) -> Iterator[None]:
    """Nobody else on this machine changes the champion until the block ends.

    Raises:
        BadInput: somebody does, for as long as a minute.
    """
    with workspace.lock("deciding", "changing the champion", wait=60):
        yield


def challenge(workspace: Workspace, challenger: ModelVersion) -> None:
    """Make a version the challenger."""
    client(workspace).set_registered_model_alias(challenger.name, CHALLENGER, str(challenger.version))


def promote(
    workspace: Workspace, model: ModelVersion, reason: str, by: str | None = None, scorecard: str | None = None
) -> None:
    """Make a version the champion, and remember which one it succeeds.

    Args:
        reason: why, for whoever asks later.
        by: who says so; None for the person at the keyboard.
        scorecard: the MLflow run of the scorecard that it was decided by.
    """
    mlflow = client(workspace)
    champion = at_alias(workspace, model.name, CHAMPION)
    if champion and champion.version == model.version:
        return
    note = {
        "heed.promoted_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "heed.promoted_because": reason,
        **({SUCCEEDED: str(champion.version)} if champion else {}),
    }
    for key, value in note.items():
        mlflow.set_model_version_tag(model.name, str(model.version), key, value)
    history.note(workspace, "promote", model, champion, reason, by, scorecard)
    mlflow.set_registered_model_alias(model.name, CHAMPION, str(model.version))
    before = name_of(champion) if champion else None
    journal.tell("promotion", "promote", model=name_of(model), before=before, dataset=model.dataset, run=model.run_id)


def rollback(workspace: Workspace, reason: str, by: str | None = None) -> tuple[ModelVersion, ModelVersion]:
    """Give the champion's place back to the version it succeeded.

    Args:
        reason: why, for whoever asks later.
        by: who says so; None for the person at the keyboard.

    Returns:
        The version that had the place, and the one that has it now.

    Raises:
        BadInput: there is no champion, or it is the first one.
    """
    champion = at_alias(workspace, POLICY, CHAMPION)
    if not champion:
        raise BadInput("there is no champion", "the registry", "Run `heed retrain` first.")
    before = tag(workspace, champion, SUCCEEDED)
    if not before:
        raise BadInput(f"version {champion.version} is the first champion", "the registry", "There is none before it.")
    previous = version_named(workspace, int(before))
    mlflow = client(workspace)
    mlflow.set_model_version_tag(POLICY, str(champion.version), "heed.rolled_back_because", reason)
    history.note(workspace, "roll back", previous, champion, reason, by)
    mlflow.set_registered_model_alias(POLICY, CHAMPION, str(previous.version))
    journal.tell("promotion", "roll back", model=name_of(previous), before=name_of(champion))
    return champion, previous
