"""How much has landed since a retraining last looked, which is what makes the next one due."""

import polars as pl

from components.records.schemas import Feedback, Preference, as_records
from components.workspace import Workspace, looked, versions
from components.workspace.looked import landed_since


def told(count: int, name: str) -> pl.DataFrame:
    rows = pl.DataFrame({"interaction": [f"{name} {number}" for number in range(count)]})
    return as_records(rows.with_columns(kind=pl.lit("thumb"), score=1.0, source=pl.lit("test")), Feedback)


def pairs(count: int, name: str) -> pl.DataFrame:
    sides = {"chosen": "Yes.", "rejected": "No."}
    said = {side: [[{"role": "assistant", "content": text}]] * count for side, text in sides.items()}
    asked = [[{"role": "user", "content": f"{name} {number}?"}] for number in range(count)]
    frame = pl.DataFrame({"prompt": asked, **said}).with_columns(source=pl.lit("test"), strength=1.0)
    return as_records(frame, Preference)


def test_what_landed_after_the_last_look_counts_and_nothing_twice(workspace: Workspace) -> None:
    assert landed_since(workspace) == 0
    versions.land(workspace, {"feedback": told(5, "a"), "preferences": pairs(2, "a")}, "a test")
    assert landed_since(workspace) == 5
    looked.remember(workspace, f"{looked.newest_batch(workspace):06d}-a")
    assert landed_since(workspace) == 0
    # A file of preferences alone is as much as it has of those.
    versions.land(workspace, {"preferences": pairs(7, "b")}, "a test")
    versions.land(workspace, {"feedback": told(4, "c")}, "a test")
    assert landed_since(workspace) == 11
    assert (looked.last_batch(workspace), looked.newest_batch(workspace)) == (1, 3)
