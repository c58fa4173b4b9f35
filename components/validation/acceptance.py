"""Which dataset versions may train a model, who said so and why: a file that only grows, kept in the workspace's git.

Knows nothing of how it was decided.
"""

import getpass
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from components.records.errors import BadInput
from components.records.handles import DatasetVersion
from components.workspace import Workspace, git, looked, pinning, versions
from components.workspace.files import append, logged

GATE = "the data gate"


class Acceptance(BaseModel):
    """A dataset version that may train a model.

    Attributes:
        dataset: its content hash.
        batch: the name of its newest batch.
        because: why.
        by: who said so: a person, or the data gate.
        at: when, UTC.
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    batch: str
    because: str
    by: str
    at: datetime


def newest_batch(workspace: Workspace, dataset: str) -> str:
    """The name of the last batch that landed in a version; empty where none has."""
    return max((name.split("/")[0] for name in pinning.files_of(workspace, dataset)), default="")


def acceptances(workspace: Workspace) -> list[Acceptance]:
    """All there are, oldest first.

    Raises:
        BadInput: the file cannot be read.
    """
    file = workspace.acceptances
    if not file.exists():
        return []
    try:
        return [Acceptance.model_validate_json(line) for line in logged(file).split(b"\n") if line]
    except ValueError as error:
        said = str(error).splitlines()[0]
        raise BadInput(f"not a list of acceptances: {said}", file, "Take it back from git's history.") from None


def is_accepted(workspace: Workspace, dataset: str) -> bool:
    """Whether a version may train a model, whatever the data gate says of it now."""
    return any(acceptance.dataset == dataset for acceptance in acceptances(workspace))


def last_accepted(workspace: Workspace, before: str | None = None) -> str | None:
    """The content hash of the newest accepted version that is still on this machine, other than `before`."""
    others = (kept.dataset for kept in reversed(acceptances(workspace)) if kept.dataset != before)
    return next((dataset for dataset in others if pinning.is_here(workspace, dataset)), None)


def batches_since(workspace: Workspace, before: str | None, dataset: str) -> list[str]:
    """The batches with feedback or preferences that a version has and the one before it lacks, in their order.

    Args:
        before: content hash of a version that was accepted; None where none was.
        dataset: content hash of the later one.
    """
    known = _batches(workspace, before) if before else set()
    return sorted(_batches(workspace, dataset) - known)


def _batches(workspace: Workspace, dataset: str) -> set[str]:
    told = ("feedback.parquet", "preferences.parquet")
    return {name.split("/")[0] for name in pinning.files_of(workspace, dataset) if name.endswith(told)}


def accept(workspace: Workspace, dataset: DatasetVersion, because: str, by: str | None = None) -> Acceptance:
    """Let a version train a model, and commit that; a version that is accepted stays so.

    Args:
        because: why, for whoever asks later.
        by: who says so; None for the person at the keyboard.
    """
    acceptances(workspace)  # a list that cannot be read is not added to
    made = Acceptance(
        dataset=dataset.hash,
        batch=newest_batch(workspace, dataset.hash),
        because=because,
        by=by or getpass.getuser(),
        at=datetime.now(UTC).replace(microsecond=0),
    )
    # The log is in git, where a lock beside it would be in the way.
    append(workspace.acceptances, f"{made.model_dump_json()}\n", locked=workspace.state)
    git.commit(
        workspace.root, f"Accept batch {made.batch}: {because}", str(workspace.acceptances.relative_to(workspace.root))
    )
    return made


def recall(workspace: Workspace) -> None:
    """In a clone, where no retraining is remembered, take what was accepted as looked at: git remembers that."""
    if looked.is_remembered(workspace):
        return
    if accepted := acceptances(workspace):
        looked.remember(workspace, accepted[-1].batch)


def batch_named(workspace: Workspace, name: str | None) -> DatasetVersion:
    """The current version, if `name` (a number or the beginning of a name) is its newest batch; None asks nothing.

    Raises:
        BadInput: it is another one: an older batch is part of what is decided on, and a newer one is not there.
    """
    dataset = versions.current(workspace)
    newest = newest_batch(workspace, dataset.hash)
    if not newest:
        raise BadInput("there is no batch yet", workspace.root, "Land one with `heed ingest`.")
    number = newest.split("-")[0]
    numbered = name is not None and name.isdecimal() and int(name) == int(number)
    if name is not None and not numbered and not ("-" in name and newest.startswith(name)):
        fix = f"Run `heed accept {int(number)}`: a batch is accepted together with all before it."
        raise BadInput(f"the newest batch is {int(number)} ({newest}), not {name}", workspace.root, fix)
    return dataset
