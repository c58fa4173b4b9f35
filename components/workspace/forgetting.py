"""Takes a person out of the dataset: out of the next version, and out of the quarantine. Knows no other store.

What a person leaves is what they asked and were told, what they did about it, and all that was made of that.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from components.records.errors import BadInput
from components.records.handles import DatasetVersion
from components.records.schemas import KINDS
from components.records.sql import connection
from components.workspace import pinning, versions
from components.workspace.files import alone, logged, place
from components.workspace.workspace import Workspace

NAMED = ("user", "rater")
"""Columns that say who a record is of."""

IN_QUARANTINE = (*NAMED, "user_id", "userId", "hashed_ip", "judge")
"""Keys that say it in a row that was never read into a record."""


@dataclass(frozen=True)
class Earlier:
    """A dataset version that still holds the person.

    Attributes:
        commit: where data.dvc pins it.
        hash: its content hash.
        told: the commit's message.
        known: whether it is on this machine; one that is not may hold them too.
    """

    commit: str
    hash: str
    told: str
    known: bool


@dataclass(frozen=True)
class Forgotten:
    """What was taken out.

    Attributes:
        dataset: the version that no longer holds the person.
        removed: kind of record to how many were taken out of it.
        quarantined: rows taken out of the quarantine.
        earlier: versions that still hold the person, newest first.
    """

    dataset: DatasetVersion
    removed: dict[str, int]
    quarantined: int
    earlier: tuple[Earlier, ...]


def forget(workspace: Workspace, names: Collection[str]) -> Forgotten:
    """Take a person out.

    Args:
        names: every name the person goes by: as files call them, and as the capture service does.

    Raises:
        BadInput: another process is landing data, or the pinned version is not whole on this machine.
    """
    with workspace.lock("data", "landing data"):
        versions.catch_up(workspace)
        files = pinning.files_of(workspace, pinning.pinned_hash(workspace))
        theirs = _theirs(files, names)
        _sweep(workspace)
        if theirs:
            versions.rewrite(workspace, _without(files, theirs), "Forget a user who asked for it")
        return Forgotten(
            dataset=versions.current(workspace),
            removed={kind: len(ids) for kind, ids in theirs.items()},
            quarantined=_clear_quarantine(workspace.quarantine, names),
            earlier=tuple(_earlier(workspace, names)),
        )


def _sweep(workspace: Workspace) -> None:
    """Take away what landings that were killed left, which may hold what the person said."""
    for left in (*workspace.state.glob("shelves-*"), *workspace.state.glob("batch-*")):
        shutil.rmtree(left)
    for left in workspace.quarantine.glob(".*.jsonl.*"):
        left.unlink()


def _theirs(files: dict[str, Path], names: Collection[str]) -> dict[str, set[str]]:
    """Ids, by kind, of all that is a person's: theirs by name, about theirs, or made of theirs."""
    theirs: dict[str, set[str]] = {}
    for kind in KINDS:  # in the order in which one follows from another
        held = [pl.scan_parquet(file) for placed, file in files.items() if _kind(placed) == kind]
        theirs[kind] = {name for frame in held for name in _ids(frame, names, theirs)}
    return {kind: ids for kind, ids in theirs.items() if ids}


def _ids(frame: pl.LazyFrame, names: Collection[str], theirs: dict[str, set[str]]) -> pl.Series:
    columns = frame.collect_schema().names()
    said = [pl.col(name).is_in(list(names)) for name in NAMED if name in columns]
    said += [
        pl.col(column).is_in(list(theirs[kind]))
        for column, kind in (("interaction", "interactions"), ("other", "interactions"), ("feedback", "feedback"))
        if column in columns
    ]
    if "provenance" in columns:
        made_of = list(theirs["signals"] | theirs["feedback"])
        said.append(pl.col("provenance").list.eval(pl.element().is_in(made_of)).list.any())
    return frame.filter(pl.any_horizontal(said).fill_null(False)).select("id").collect()["id"]


def _without(files: dict[str, Path], theirs: dict[str, set[str]]) -> dict[str, dict[str, pl.DataFrame]]:
    """What is left of every batch that holds something of theirs."""
    batches: dict[str, dict[str, pl.DataFrame]] = {}
    touched = set()
    for placed, file in files.items():
        batch, kind = placed.split("/")[0], _kind(placed)
        whole = pl.read_parquet(file)
        left = whole.filter(~pl.col("id").is_in(list(theirs.get(kind, ()))))
        batches.setdefault(batch, {})[kind] = left
        if left.height < whole.height:
            touched.add(batch)
    return {batch: frames for batch, frames in batches.items() if batch in touched}


def _kind(place_in_data: str) -> str:
    return place_in_data.split("/")[-1].removesuffix(".parquet")


def _clear_quarantine(folder: Path, names: Collection[str]) -> int:
    """Take out the rows that name the person; returns how many there were."""
    if not folder.exists():
        return 0
    with alone(folder):
        return sum(_clear_file(file, names) for file in sorted(folder.glob("*.jsonl")))


def _clear_file(file: Path, names: Collection[str]) -> int:
    """Take lines out of a file of held rows, or of decisions: a mended row may name a person too."""
    told = logged(file)
    lines = told.splitlines(keepends=True)
    theirs = _names_them(pl.read_ndjson(told, schema={"row": pl.String()})["row"], names)
    left = [line for line, named in zip(lines, theirs, strict=True) if not named]
    if not left:
        file.unlink()
    elif len(left) < len(lines):
        held_at = file.stat().st_mtime_ns
        place(file, lambda aside: aside.write_bytes(b"".join(left)))
        os.utime(file, ns=(held_at, held_at))
    return len(lines) - len(left)


def _names_them(rows: pl.Series, names: Collection[str]) -> pl.Series:
    keys = [f"$.{key}" for key in IN_QUARANTINE]
    with connection() as db:
        db.register("rows", pl.DataFrame({"row": rows}).with_row_index("place").to_arrow())
        said = f"case when json_valid(row) then json_extract_string(row, {keys}) end as said"
        found = db.sql(f"select {said} from rows order by place")
        said = found.pl()["said"]
    return said.list.eval(pl.element().is_in(list(names))).list.any().fill_null(False)


def _earlier(workspace: Workspace, names: Collection[str]) -> Iterator[Earlier]:
    """Versions of the past that hold the person, or may, because they are not on this machine."""
    now = pinning.pinned_hash(workspace)
    seen: dict[str, bool | None] = {}
    for commit, _, told in pinning.history(workspace):
        digest = pinning.hash_at(workspace, commit)
        if digest is None or digest == now:
            continue
        if digest not in seen:
            seen[digest] = _held(workspace, digest, names)
        if seen[digest] is not False:
            yield Earlier(commit, digest, told, known=seen[digest] is True)


def _held(workspace: Workspace, digest: str, names: Collection[str]) -> bool | None:
    """Whether a version holds the person; None where it is not on this machine."""
    try:
        return bool(_theirs(pinning.files_of(workspace, digest), names))
    except (BadInput, FileNotFoundError):
        return None
