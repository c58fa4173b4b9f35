"""The dataset as DVC versions: one folder a batch, one `dvc add` and one commit of data.dvc a landing.

A batch folder is renamed into `data/` whole, so whatever a killed process left there is whole too, and the next
landing pins it. Batches are never changed, so a version is read straight from DVC's cache, whatever has landed since.
"""

import json
import logging
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from components.records.errors import BadInput
from components.records.handles import DatasetVersion
from components.records.identity import fingerprint
from components.records.schemas import KINDS, as_records, empty
from components.workspace import git
from components.workspace.files import place_text
from components.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dvc.repo import Repo

PINNED = "data.dvc"
HASH = re.compile(r"md5: ([0-9a-f]{32}\.dir)")


def land(
    workspace: Workspace, frames: Mapping[str, pl.DataFrame], told_by: str
) -> tuple[DatasetVersion, dict[str, int]]:
    """Add records to the dataset as one batch and one version.

    Args:
        frames: kind (a key of `KINDS`) to validated records; those the dataset already has, by id, are left out.
        told_by: where they come from, for the commit.

    Returns:
        The version that now holds them, and how many records of each kind were new.

    Raises:
        BadInput: another process is landing, `data/` lacks some of the version that is pinned, or git, DVC or the
            DVC remote refuses.
    """
    with workspace.lock("data", "landing data"):
        catch_up(workspace)
        new = {kind: _unknown(workspace, kind, frame) for kind, frame in frames.items()}
        new = {kind: frame for kind, frame in new.items() if frame.height}
        if new:
            _place(workspace, new, _next_number(workspace))
            counts = ", ".join(f"{frame.height} {kind}" for kind, frame in sorted(new.items()))
            pin(workspace, f"Land {counts} from {told_by}")
        return current(workspace), {kind: new[kind].height if kind in new else 0 for kind in frames}


def place_sample(workspace: Workspace, frames: Mapping[str, pl.DataFrame]) -> None:
    """Make `data/` hold exactly these records as its one batch, and leave what is pinned alone.

    Raises:
        BadInput: `data/` holds anything else; it is not overwritten.
    """
    with workspace.lock("data", "landing data"):
        expected = {_batch_name(1, frames)}
        found = {path.name for path in workspace.data.iterdir()} if workspace.data.exists() else set()
        if found - expected:
            raise BadInput("data/ holds more than the sample", workspace.data, "Move it away first.")
        if not found:
            _place(workspace, frames, 1)
        # Into DVC's cache, where versions are read from.
        pinned = (workspace.root / PINNED).read_text()
        with opened(workspace.root) as repo:
            _add(workspace, repo)
        place_text(workspace.root / PINNED, pinned)


def current(workspace: Workspace) -> DatasetVersion:
    """The version that data.dvc pins."""
    digest = pinned_hash(workspace)
    return DatasetVersion(hash=digest, commit=git.head(workspace.root), preferences=_count(workspace, digest))


def pinned_hash(workspace: Workspace) -> str:
    """The content hash in data.dvc; in its last commit where a killed process left the file empty.

    Raises:
        BadInput: neither has one.
    """
    file = workspace.root / PINNED
    found = HASH.search(file.read_text() if file.exists() else "")
    found = found or HASH.search(git.git(workspace.root, "show", f"HEAD:./{PINNED}"))
    if not found:
        raise BadInput("no dataset version is pinned", file, "Take data.dvc back from git's history.")
    return found.group(1)


def read(workspace: Workspace, version: DatasetVersion | str, kind: str = "preferences") -> pl.DataFrame:
    """All records of a kind in a version, in the order they landed.

    Raises:
        BadInput: the version's files are not on this machine.
    """
    digest = version if isinstance(version, str) else version.hash
    files = _files(workspace, digest, kind)
    # A batch that landed before a record had all its columns lacks the newer ones.
    return pl.concat([empty(KINDS[kind]), *(as_records(pl.read_parquet(file), KINDS[kind]) for file in files)])


def history(workspace: Workspace) -> list[tuple[str, str]]:
    """Commit and message of every dataset version, newest first."""
    lines = git.git(workspace.root, "log", "--format=%H %s", "--", PINNED).splitlines()
    return [(line[:40], line[41:]) for line in lines]


def hash_at(workspace: Workspace, commit: str) -> str | None:
    """The content hash that data.dvc pinned in a commit."""
    found = HASH.search(git.git(workspace.root, "show", f"{commit}:./{PINNED}"))
    return found.group(1) if found else None


def rewrite(workspace: Workspace, batches: Mapping[str, Mapping[str, pl.DataFrame]], message: str) -> DatasetVersion:
    """Put other records in the place of whole batches, as one version; whoever calls holds the lock on the data.

    Killed on the way, it leaves a `data/` that lacks what is pinned, which the next landing refuses: `dvc checkout`
    brings the old batches back, and the rewriting can begin again.

    Args:
        batches: name of a folder in `data/` to all it shall hold, by kind; a batch with no records is taken away.
    """
    for name, frames in batches.items():
        held = {kind: frame for kind, frame in frames.items() if frame.height}
        shutil.rmtree(workspace.data / name)
        if held:
            _place(workspace, held, _numbered(name))
    pin(workspace, message)
    return current(workspace)


def pin(workspace: Workspace, message: str) -> None:
    """`dvc add`, a commit of data.dvc where that changed it, and a push where DVC has a default remote.

    Raises:
        BadInput: DVC does not take `data/`, or the remote the version; what was landed is kept here.
    """
    workspace.data.mkdir(exist_ok=True)
    with opened(workspace.root) as repo:
        _add(workspace, repo)
        changed = git.commit(workspace.root, message, PINNED)
        if changed and repo.config["core"].get("remote"):
            _push(repo)


@contextmanager
def opened(root: Path) -> Iterator["Repo"]:
    """The DVC repository of a workspace, quiet."""
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.WARNING)
    repo = Repo(str(root))
    try:
        yield repo
    finally:
        repo.close()


def _add(workspace: Workspace, repo: "Repo") -> None:
    from dvc.exceptions import DvcException
    from dvc.repo import lock_repo

    try:
        with lock_repo(repo):
            _mend(Path(repo.tmp_dir) / "rwlock")
            repo.add(str(workspace.data))
    except DvcException as error:
        raise BadInput(
            f"DVC does not take data/: {' '.join(str(error).split())}",
            workspace.root,
            "Mend that and land again; what has landed is kept in data/.",
        ) from None


def _mend(rwlock: Path) -> None:
    """Drop DVC's list of who reads and writes if it is cut short: it is written in place, so a kill can do that."""
    try:
        json.loads(rwlock.read_text())
    except FileNotFoundError:
        pass
    except ValueError:
        rwlock.unlink()


def catch_up(workspace: Workspace) -> None:
    """Pin what an interrupted landing left; whoever calls holds the lock on the data.

    Raises:
        BadInput: `data/` lacks some of the version that is pinned, and the next one is made of what it holds.
    """
    _refuse_to_lose(workspace)
    pin(workspace, "Pin the batch an interrupted landing left")


def _refuse_to_lose(workspace: Workspace) -> None:
    for name in files_of(workspace, pinned_hash(workspace)):
        if not (workspace.data / name).exists():
            raise BadInput(
                f"data/ lacks {name}, which is in the dataset version that is pinned",
                workspace.root,
                "Run `dvc checkout`.",
            )


def _unknown(workspace: Workspace, kind: str, frame: pl.DataFrame) -> pl.DataFrame:
    known = [pl.read_parquet(file, columns=["id"]) for file in sorted(workspace.data.glob(f"*/{kind}.parquet"))]
    return frame.join(pl.concat(known), on="id", how="anti", maintain_order="left") if known else frame


def _batch_name(number: int, frames: Mapping[str, pl.DataFrame]) -> str:
    return f"{number:06d}-{fingerprint({kind: frame['id'].to_list() for kind, frame in frames.items()})}"


def _numbered(batch: str) -> int:
    return int(batch.split("-")[0])


def _next_number(workspace: Workspace) -> int:
    return 1 + max((_numbered(batch.name) for batch in workspace.data.iterdir()), default=0)


def _place(workspace: Workspace, frames: Mapping[str, pl.DataFrame], number: int) -> None:
    """Write one folder of Parquet files aside and rename it into data/."""
    workspace.data.mkdir(exist_ok=True)
    workspace.state.mkdir(exist_ok=True)
    for left in workspace.state.glob("batch-*"):  # by a landing that was killed
        shutil.rmtree(left)
    aside = Path(tempfile.mkdtemp(prefix="batch-", dir=workspace.state))
    try:
        for kind, frame in frames.items():
            frame.write_parquet(aside / f"{kind}.parquet", compression="zstd")
        aside.chmod(0o755)
        aside.replace(workspace.data / _batch_name(number, frames))
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _push(repo: "Repo") -> None:
    from dvc.exceptions import DvcException

    try:
        repo.push()
    except (DvcException, OSError) as error:
        raise BadInput(
            f"the batch landed here, but the DVC remote did not take it: {error}",
            repo.config["core"]["remote"],
            "Run `dvc push` when the remote is back.",
        ) from None


def _files(workspace: Workspace, digest: str, kind: str) -> list[Path]:
    entries = files_of(workspace, digest)
    files = [entries[name] for name in sorted(entries) if name.endswith(f"/{kind}.parquet")]
    if not all(file.exists() for file in files):
        raise _absent(workspace, digest)
    return files


def files_of(workspace: Workspace, digest: str) -> dict[str, Path]:
    """Every file of a version, by its place in `data/`, and where DVC's cache has it.

    Raises:
        BadInput: the version is not on this machine.
    """
    with opened(workspace.root) as repo:
        store = repo.cache.local
        manifest = Path(store.oid_to_path(digest))
        if not manifest.exists():
            raise _absent(workspace, digest)
        return {entry["relpath"]: Path(store.oid_to_path(entry["md5"])) for entry in json.loads(manifest.read_text())}


def _absent(workspace: Workspace, digest: str) -> BadInput:
    return BadInput(f"dataset version {digest[:12]} is not on this machine", workspace.root, "Run `dvc pull`.")


def _count(workspace: Workspace, digest: str) -> int:
    files = _files(workspace, digest, "preferences")
    return sum(pl.scan_parquet(file).select(pl.len()).collect().item() for file in files)
