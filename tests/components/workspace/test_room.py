"""A disk that is full: nothing is half there, and with room again the same landing gives the same version."""

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from components.records.errors import BadInput
from components.workspace import Workspace, find, pinning, room, versions
from components.workspace.versions import land
from tests.small_disk import SmallDisk

Rows = Callable[..., pl.DataFrame]


@pytest.fixture
def cramped(fresh: Path, small_disk: SmallDisk) -> Workspace:
    """A new workspace on a small disk."""
    return find(Path(shutil.copytree(fresh, small_disk.folder / "work")))


@pytest.mark.parametrize("free", [0, 8, 60, 120, 170, 200])
def test_a_landing_that_found_no_room_is_the_same_once_there_is_some(
    workspace: Workspace, cramped: Workspace, small_disk: SmallDisk, rows: Rows, free: int
) -> None:
    before, told = rows("before", 5), rows("told", 4_000)  # 65 KB in data, and as much in the cache
    for one in (workspace, cramped):
        land(one, {"interactions": before}, "before.jsonl")
    undisturbed, _ = land(workspace, {"interactions": told}, "told.jsonl")
    known = pinning.pinned_hash(cramped)

    small_disk.fill(but=free * 1024)
    with pytest.raises((BadInput, OSError)) as stopped:
        land(cramped, {"interactions": told}, "told.jsonl")
    assert isinstance(stopped.value, BadInput) or room.ran_out(stopped.value)
    # Where it was git that had no room, all of the version is there but its commit.
    pinned = pinning.pinned_hash(cramped)
    assert pinned in (known, undisturbed.hash)
    assert pinning.hash_at(cramped, "HEAD") == known
    assert versions.read(cramped, pinned, "interactions").height == (5 if pinned == known else 4_005)
    left = [
        *cramped.state.glob("batch-*"),
        *cramped.root.glob(".dvc/cache/**/.*.tmp"),
        cramped.root / ".dvc" / "tmp" / "pinned",
    ]
    assert [file for file in left if file.exists()] == []
    whole = [pl.read_parquet(file).height for file in sorted(cramped.data.glob("*/*.parquet"))]
    assert whole in ([5], [5, 4_000])

    small_disk.empty()
    land(cramped, {"interactions": told}, "told.jsonl")
    assert pinning.pinned_hash(cramped) == undisturbed.hash
    assert versions.read(cramped, undisturbed.hash, "interactions").height == 4_005


def test_what_ran_out_of_room_is_known_whoever_said_so() -> None:
    wrapped = ValueError("it could not be written")
    wrapped.__cause__ = OSError(28, "No space left on device")
    assert room.ran_out(wrapped)
    assert room.ran_out(RuntimeError("(sqlite3.OperationalError) database or disk is full"))
    assert not room.ran_out(OSError(13, "Permission denied"))


def test_nothing_begins_where_there_is_too_little_room(tmp_path: Path) -> None:
    room.require(tmp_path / "not" / "yet", 1)
    with pytest.raises(BadInput, match=r"MB are free on this disk .*Make room"):
        room.require(tmp_path / "not" / "yet", 10**18)
