"""How far retraining has looked at what landed: up to which batch. Knows nothing of what came of it."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq

from components.workspace.files import place_text
from components.workspace.versions import number_of
from components.workspace.workspace import Workspace

BATCH = re.compile(r"(\d+)-")
TOLD = ("feedback", "preferences")


def remember(workspace: Workspace, batch: str) -> None:
    """Note that a retraining has come to an end that looked at everything up to a batch.

    Args:
        workspace: whose.
        batch: its name; empty where there was none.
    """
    place_text(_memory(workspace), json.dumps({"batch": number_of(batch) if batch else 0}))


def is_remembered(workspace: Workspace) -> bool:
    """Whether this folder knows of a retraining; a clone of the workspace does not."""
    return _memory(workspace).exists()


def last_batch(workspace: Workspace) -> int:
    """The number of the newest batch that a retraining has looked at; 0 where none has."""
    memory = _memory(workspace)
    return int(json.loads(memory.read_text())["batch"]) if memory.exists() else 0


def newest_batch(workspace: Workspace) -> int:
    """The number of the newest batch that has landed; 0 where none has."""
    return max((number_of(batch.name) for batch in _batches(workspace)), default=0)


def batches_since(workspace: Workspace) -> list[str]:
    """The names of the batches that landed and that no retraining has looked at, in their order."""
    known = last_batch(workspace)
    return sorted(batch.name for batch in _batches(workspace) if number_of(batch.name) > known)


def landed_since(workspace: Workspace) -> int:
    """How many pieces of feedback landed that no retraining has looked at; preferences count where they came alone."""
    return sum(max(_rows(workspace.data / batch, kind) for kind in TOLD) for batch in batches_since(workspace))


def _batches(workspace: Workspace) -> list[Path]:
    return [batch for batch in workspace.data.glob("*-*") if BATCH.match(batch.name)]


def _rows(batch: Path, kind: str) -> int:
    file = batch / f"{kind}.parquet"
    return pq.ParquetFile(file).metadata.num_rows if file.exists() else 0


def _memory(workspace: Workspace) -> Path:
    return workspace.state / "looked.json"
