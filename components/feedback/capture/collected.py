"""How far a workspace has read the store of what was captured. Knows nothing of what becomes of what was read."""

import hashlib
import json
from contextlib import closing
from pathlib import Path

import polars as pl

from components.feedback.capture.store import Kept, Store
from components.workspace import Workspace
from components.workspace.files import place_text

AT_A_TIME = 50_000  # events out of the store
FORMAT = "heed"
NAMED = Path("capture")  # what problems and provenance call the store
OF_A_SHADOW = b'{"type":"shadow"'  # so the body begins


def position(workspace: Workspace, store: Store) -> int:
    """Of the last event that was collected; 0 where none was.

    A store that has another event there, or none, is another one, in the place of the first, or was taken back from a
    backup: it is read from its beginning, and what has landed is known by its ids.
    """
    memory = _memory(workspace)
    if not memory.exists():
        return 0
    told = json.loads(memory.read_text())
    there = store.after(told["position"] - 1, 1)
    return told["position"] if [_noted(kept) for kept in there] == [told] else 0


def remember(workspace: Workspace, last: Kept) -> None:
    """Note that everything up to an event of the store has landed."""
    place_text(_memory(workspace), json.dumps(_noted(last)))


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


def rows(store: Store, after: int) -> tuple[pl.DataFrame, Kept | None]:
    """All that users saw and said after a position; what a shadow answered, nobody saw.

    Returns:
        As a reader of `FORMAT` takes them (columns `line`, `row`, `reason`), and the last of them; None where there is
        none.
    """
    chunks, last = [pl.DataFrame(schema={"line": pl.Int64, "row": pl.String})], None
    while kept := store.after(last.position if last else after, AT_A_TIME):
        seen = [event for event in kept if not event.body.startswith(OF_A_SHADOW)]
        bodies = [event.body.decode() for event in seen]
        chunks.append(pl.DataFrame({"line": [event.position for event in seen], "row": bodies}, chunks[0].schema))
        last = kept[-1]
    return pl.concat(chunks).with_columns(reason=pl.lit(None, pl.String)), last


def _noted(last: Kept) -> dict[str, str | int]:
    return {"position": last.position, "event": hashlib.sha256(last.body).hexdigest()}


def _memory(workspace: Workspace) -> Path:
    return workspace.state / "collected.json"
