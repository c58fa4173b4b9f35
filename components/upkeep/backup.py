"""A workspace as one file: all that is needed to go on elsewhere, and nothing that can be made again.

What is kept elsewhere (a PostgreSQL, an MLflow server, a DVC remote) is named and not taken along.
"""

import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from fnmatch import fnmatch
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from components.feedback.capture import database
from components.records.errors import BadInput
from components.services import note
from components.upkeep.archive import Writer, write
from components.workspace import Workspace, git, pinning

FORMAT = 1

MADE_AGAIN = (
    "features",  # vectors of texts
    "threads",  # the threads of interactions
    "models",  # what `artifacts` holds, as folders
    "runs",  # checkpoints, and what was registered since
    "reports",  # the pages of `heed report`, which their MLflow runs hold too
    "logs",
    "up.json",
    "shelves-*",
    "batch-*",
    "*.lock",
    "*.socket",
    "*.db-wal",
    "*.db-shm",
    "*.db-journal",
    "prefect/storage",  # results of steps, by the folder they were made in
)
"""What of `.heed` is not taken along."""

PARTS = {
    ".git": "git history",
    ".dvc": "dataset versions",
    "data": "dataset versions",
    ".heed/artifacts": "models and runs",
    ".heed/mlflow.db": "models and runs",
    ".heed/base": "models and runs",
    ".heed/capture.db": "captured feedback",
    ".heed/spool": "captured feedback",
}
"""Beginning of a path to what a person calls it."""

OTHERS = "settings and the rest"


class Backup(BaseModel):
    """What was backed up.

    Attributes:
        file: the backup.
        bytes: its size.
        files: how many files are in it.
        dataset: content hash of the dataset version that is pinned.
        versions: how many dataset versions are in it whole.
        parts: what a person calls a part to its bytes, unpacked.
        elsewhere: a sentence about each thing that is not in it.
    """

    file: Path
    bytes: int
    files: int
    dataset: str
    versions: int
    parts: dict[str, int]
    elsewhere: tuple[str, ...]


def back_up(workspace: Workspace, target: Path) -> Backup:
    """Write everything into one file. Services may go on meanwhile; nothing lands until it is done.

    Args:
        workspace: whose.
        target: a .tar.zst or .tar.gz outside of the workspace; what stands there is replaced whole.

    Raises:
        BadInput: the target will not do, another process is landing data, or the workspace has no git of its own.
    """
    target = target.resolve()
    _refuse(workspace, target)
    with workspace.lock("data", "landing data"):
        pinned = pinning.stored(workspace, pinning.pinned_ever(workspace))
        dataset = pinning.pinned_hash(workspace)
        whole = sum(pinning.is_here(workspace, digest) for digest in pinned)
        sizes: dict[str, int] = {}

        def fill(writer: Writer) -> dict[str, Any]:
            _fill(workspace, writer, [file for files in pinned.values() for file in files], target.parent)
            sizes.update(writer.sizes)
            made = datetime.now(UTC).isoformat(timespec="seconds")
            return {"format": FORMAT, "heed": installed("heed-mlops"), "made": made, "root": str(workspace.root)}

        write(target, fill)
    return Backup(
        file=target,
        bytes=target.stat().st_size,
        files=len(sizes),
        dataset=dataset,
        versions=whole,
        parts=_parts(sizes),
        elsewhere=tuple(_elsewhere(workspace, len(pinned) - whole)),
    )


def _refuse(workspace: Workspace, target: Path) -> None:
    if target.is_relative_to(workspace.root):
        raise BadInput("a backup does not belong into what it is of", target, f"Try {Path('..') / target.name}.")
    if not (workspace.root / ".git").is_dir():
        fix = "Back up a workspace that has its own, as `heed init` and `git clone` make it."
        raise BadInput("its git repository is not in this workspace", workspace.root, fix)
    if not target.parent.is_dir():
        raise BadInput("there is no such folder", target.parent, "Make it.")


def _fill(workspace: Workspace, writer: Writer, cached: list[Path], room: Path) -> None:
    root = workspace.root
    # In git's order: what names an object is written after it, so what is read before it names nothing that is missing.
    for file in (*_within(root / ".git", leave="objects"), *_within(root / ".git" / "objects")):
        if not file.name.endswith(".lock"):
            writer.add(file, file.relative_to(root).as_posix())
    for file in dict.fromkeys((*_tended(workspace), *cached, *_within(workspace.data))):
        if file.is_relative_to(root) and file.exists():
            writer.add(file, file.relative_to(root).as_posix())
    with tempfile.TemporaryDirectory(prefix=".heed-backup-", dir=room) as aside:
        # What waits to be written to a store comes before the store, and a store before the files that it names.
        for file in _state(workspace):
            name = file.relative_to(root).as_posix()
            writer.add(_copied(file, Path(aside)) if file.suffix == ".db" else file, name)


def _tended(workspace: Workspace) -> Iterator[Path]:
    """What git keeps or would keep, and what the settings name that git was told to leave alone."""
    listed = git.git(workspace.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in listed.split("\0"):
        file = workspace.root / name
        if name and file.is_file():
            yield file
    for folder in _named(workspace):
        if folder.resolve().is_relative_to(workspace.root):
            yield from _within(folder)
    yield from (file for file in (workspace.root / ".dvc" / "config.local",) if file.exists())


def _named(workspace: Workspace) -> list[Path]:
    """The folders that the settings name."""
    settings = workspace.settings
    models = (settings.base.model, settings.reward.model, settings.reward.encoder, settings.signals.language_model)
    folders = (workspace.evaluation_sets, *(workspace.root / name for name in models if name))
    return [folder for folder in folders if folder.is_dir()]


def _state(workspace: Workspace) -> list[Path]:
    kept = [file for file in _within(workspace.state) if file.is_file() and not _made_again(workspace, file)]
    return sorted(kept, key=lambda file: (not file.is_relative_to(workspace.spool), file.suffix != ".db", file))


def _made_again(workspace: Workspace, file: Path) -> bool:
    place = file.relative_to(workspace.state)
    beginnings = [place.as_posix(), *(parent.as_posix() for parent in place.parents)]
    # What begins with a dot there is a lock, or a file that somebody is writing aside.
    return (file.parent == workspace.state and file.name.startswith(".")) or any(
        fnmatch(beginning, pattern) for pattern in MADE_AGAIN for beginning in beginnings
    )


def _within(folder: Path, leave: str = "") -> Iterator[Path]:
    """A folder, and all that is in it but for one folder."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not (leave and name == leave and Path(place) == folder))
        yield Path(place)
        yield from (Path(place) / name for name in sorted(files) if (Path(place) / name).is_file())


def _copied(database: Path, aside: Path) -> Path:
    """A copy that SQLite makes, which is whole though somebody goes on writing."""
    copy = aside / "copy.db"
    copy.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as written,
        ):
            source.backup(written)
    except sqlite3.DatabaseError as error:
        fix = "`heed doctor` says which databases are damaged; take it back from an older backup."
        raise BadInput(f"this database cannot be copied: {error}", database, fix) from None
    shutil.copymode(database, copy)
    return copy


def _parts(sizes: dict[str, int]) -> dict[str, int]:
    told: Counter[str] = Counter()
    for name, size in sizes.items():
        told[next((part for begin, part in PARTS.items() if f"{name}/".startswith(f"{begin}/")), OTHERS)] += size
    return dict(told.most_common())


def _elsewhere(workspace: Workspace, missing: int) -> Iterator[str]:
    file = database.file_of(workspace.capture_store)
    if file is None or not file.resolve().is_relative_to(workspace.state):
        yield f"captured feedback is in {database.shown(workspace.capture_store)}, which is backed up by itself"
    if named := workspace.settings.mlflow.tracking_uri:
        yield f"models and runs are in {_address(named)}, which is backed up by itself"
    if (store := workspace.settings.mlflow.artifacts) and not store.startswith("file:"):
        yield f"the artifacts of MLflow are at {_address(store)}, which is backed up by itself"
    api, up = os.environ.get("PREFECT_API_URL"), note.read(workspace.state)
    if api and not (up and up.prefect == api):
        yield f"runs and schedules of Prefect are at {_address(api)}, which is backed up by itself"
    elif kept := os.environ.get("PREFECT_SERVER_DATABASE_CONNECTION_URL"):
        yield f"runs and schedules of Prefect are in {_address(kept)}, which is backed up by itself"
    for folder in _named(workspace):
        if not folder.resolve().is_relative_to(workspace.root):
            yield f"{folder.resolve()}, which the settings name, is outside of the workspace"
    if missing:
        yield f"{missing} earlier dataset versions are not on this machine; `dvc pull --all-commits` brings them"
    with pinning.opened(workspace.root) as repo:
        remote = repo.config["core"].get("remote")
        if remote:
            yield f"the DVC remote {remote} stays where it is, at {_address(repo.config['remote'][remote]['url'])}"
        cache = Path(repo.cache.local.path)
    if not cache.is_relative_to(workspace.root):
        yield f"earlier dataset versions are in the DVC cache at {cache}, outside of the workspace"


def _address(uri: str) -> str:
    """An address without what may be a user and a password."""
    scheme, mark, place = uri.partition("://")
    return f"{scheme}{mark}{place.split('@')[-1]}"
