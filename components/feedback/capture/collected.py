"""How far a workspace has read the store of what was captured. Knows nothing of what becomes of what was read."""

import json
from contextlib import closing
from pathlib import Path

from components.feedback.capture.store import Store
from components.records.identity import fingerprint
from components.workspace import Workspace
from components.workspace.files import place_text


def position(workspace: Workspace, store: Store) -> int:
    """Of the last event that was collected; 0 where none was.

    A store that does not reach so far is another one, in the place of the first, or was taken back from a backup: it is
    read from its beginning, and what has landed is known by its ids.
    """
    memory = _memory(workspace)
    told = int(json.loads(memory.read_text())["position"]) if memory.exists() else 0
    return told if told <= store.last() else 0


def remember(workspace: Workspace, position: int) -> None:
    """Note that everything up to a position has landed."""
    place_text(_memory(workspace), json.dumps({"position": position}))


def move(before: Workspace, workspace: Workspace) -> None:
    """Let a workspace that was moved, with its store, know how far it had read where it was.

    Args:
        before: the workspace as it was; its folder need not be there any more.
        workspace: the same where it is now.
    """
    told = _memory(workspace).with_name(_memory(before).name)
    if told.exists():
        told.replace(_memory(workspace))


def waiting(workspace: Workspace) -> int:
    """How many pieces of feedback were captured and have not landed.

    Raises:
        StoreDown: the store does not answer.
    """
    if not anything_captured(workspace):
        return 0
    with closing(Store(workspace.capture_store)) as store:
        return store.feedback_after(position(workspace, store))


def anything_captured(workspace: Workspace) -> bool:
    """Whether there is a store at all to collect from."""
    return bool(workspace.settings.capture.store) or (workspace.state / "capture.db").exists()


def _memory(workspace: Workspace) -> Path:
    """Of this store: another one is read from its beginning."""
    return workspace.state / f"collected-{fingerprint(workspace.capture_store)}.json"
