"""Collect: what the capture service has heard since the last time lands as a file of events would."""

from contextlib import closing

import polars as pl
from prefect import flow, task

from components import journal
from components.feedback.capture import collected
from components.feedback.capture.store import Kept, Store
from components.feedback.readers import read_rows
from components.records.handles import DatasetVersion
from components.records.schemas import KINDS
from components.validation import quarantine
from components.workspace import Workspace, versions
from flows.ingest import Landing, land

NAMED_ONE_BY_ONE = 1_000
"""Events that the journal names; of the others `heed trace` knows where they landed."""


@flow(name="collect", validate_parameters=False)
def collect(workspace: Workspace) -> Landing:
    """Land all that was captured since the last collection, and what was released; nothing is left out or doubled."""
    rows, last = task(name="fetch")(_fetched)(workspace)
    if rows.is_empty() and not quarantine.anything_released(workspace.quarantine):
        return Landing(dataset=versions.current(workspace), landed=dict.fromkeys(KINDS, 0), held=0, quarantined=None)
    _tell(rows)
    reading = task(name="read")(read_rows)(rows, collected.FORMAT, collected.NAMED)
    landing = land(workspace, [reading], "what was captured", int(rows.estimated_size()))
    # Only now: what was fetched and not landed, because of a kill in between, is fetched again and known by its ids.
    if last:
        collected.remember(workspace, last)
    return landing


def newest(workspace: Workspace) -> DatasetVersion:
    """The dataset version with all that was captured so far, which lands if it has not."""
    return collect(workspace).dataset if anything_to_collect(workspace) else versions.current(workspace)


def _tell(rows: pl.DataFrame) -> None:
    """Name what was fetched in the journal: from here on it is known by what it landed in."""
    ids = rows.head(NAMED_ONE_BY_ONE)["row"].str.json_path_match("$.id")
    for some in ids.to_frame().iter_slices(journal.TOGETHER):
        journal.tell("landing", "fetch", ids=some["row"].to_list())
    if rows.height > NAMED_ONE_BY_ONE:
        journal.tell("landing", "fetch", others=rows.height - NAMED_ONE_BY_ONE)


def anything_to_collect(workspace: Workspace) -> bool:
    """Whether something may wait: in the store of what was captured, or released from the quarantine."""
    return collected.anything_captured(workspace) or quarantine.anything_released(workspace.quarantine)


def _fetched(workspace: Workspace) -> tuple[pl.DataFrame, Kept | None]:
    """The rows after the position that was collected last, as a reader takes them, and the last of their events."""
    if not collected.anything_captured(workspace):
        return pl.DataFrame(schema={"line": pl.Int64, "row": pl.String, "reason": pl.String}), None
    with closing(Store(workspace.capture_store)) as store:
        return collected.rows(store, collected.position(workspace, store))
