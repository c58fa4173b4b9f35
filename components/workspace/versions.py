"""The dataset as DVC versions: one folder a batch, one `dvc add` and one commit of data.dvc a landing.

A batch folder is renamed into `data/` whole, so whatever a killed process left there is whole too, and the next
landing pins it. Batches are never changed, so a version is read straight from DVC's cache, whatever has landed since.
"""

import hashlib
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

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
LANDING = 600.0  # seconds for which a landing waits until another is done
GROUP = 100_000  # records that lie together in a file
HASH = re.compile(r"md5: ([0-9a-f]{32}\.dir)")


class Batch:
    """What is about to become the next version. Records may be added in pieces; none is kept in memory.

    Attributes:
        known: content hash of the version before.
        landed: kind to how many records of it are new.
    """

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.known = pinned_hash(workspace)
        self.landed = dict.fromkeys(KINDS, 0)
        self._workspace = workspace
        self._files = _Files(folder)
        self._added = {kind: np.zeros(0, np.uint64) for kind in KINDS}

    def add(self, kind: str, records: pl.DataFrame) -> pl.DataFrame:
        """Add validated records, each id once, but for those the dataset already has, by id.

        Returns:
            Those that were left out because a record of their id was added before.
        """
        new = unknown(self._workspace, kind, records)
        ids, added = new["id"].hash().to_numpy(), self._added[kind]
        twice = pl.Series(_among(added, ids), dtype=pl.Boolean)
        # Of two runs that are in order a stable sort makes one, without looking at all of it again and again.
        self._added[kind] = np.sort(np.concatenate([added, np.sort(ids)]), kind="stable")
        first = new.filter(~twice)
        if first.height:
            self._files.write(kind, first)
            self.landed[kind] += first.height
        return new.filter(twice)

    def finish(self, number: int) -> Path:
        """Close the files and give the folder they are in its name."""
        return self._files.finish(number)


def namesakes(workspace: Workspace, kind: str, records: pl.DataFrame) -> pl.DataFrame:
    """Records that `data/` has under the ids of these."""
    files = sorted(workspace.data.glob(f"*/{kind}.parquet"))
    wanted = pl.col("id").is_in(records["id"].implode())
    found = [as_records(pl.scan_parquet(file).filter(wanted).collect(), KINDS[kind]) for file in files]
    return pl.concat([empty(KINDS[kind]), *found])


def unknown(workspace: Workspace, kind: str, records: pl.DataFrame) -> pl.DataFrame:
    """Those of the records that `data/` does not have."""
    files = sorted(workspace.data.glob(f"*/{kind}.parquet"))
    if not files or records.is_empty():
        return records
    ids = pl.concat([pl.scan_parquet(file).select("id") for file in files])
    known = ids.join(records.lazy().select("id"), on="id", how="semi").collect(engine="streaming")
    return records.join(known, on="id", how="anti", maintain_order="left")


def _among(ordered: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Which of some numbers are among those in order: bool, as long as `numbers`."""
    if not len(ordered):
        return np.zeros(len(numbers), bool)
    found: np.ndarray = ordered[np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)] == numbers
    return found


@contextmanager
def batch(workspace: Workspace, told_by: str) -> Iterator[Batch]:
    """Add to the dataset: what is added becomes one batch and one version at the end, or nothing where it fails.

    No other process lands meanwhile, so what is made of what is known and added here is made of all there is.

    Args:
        workspace: whose dataset.
        told_by: where the records come from, for the commit.

    Raises:
        BadInput: another process is landing, `data/` lacks some of the version that is pinned, or git, DVC or the
            DVC remote refuses.
    """
    with workspace.lock("data", "landing data", wait=LANDING):
        catch_up(workspace)
        with _aside(workspace) as folder:
            adding = Batch(workspace, folder)
            yield adding
            if any(adding.landed.values()):
                finished = adding.finish(_next_number(workspace))
                finished.replace(workspace.data / finished.name)
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(adding.landed.items()) if count)
        if counts:
            pin(workspace, f"Land {counts} from {told_by}")


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
        BadInput: as `batch`.
    """
    with batch(workspace, told_by) as adding:
        for kind, frame in frames.items():
            adding.add(kind, frame)
    return current(workspace), {kind: adding.landed[kind] for kind in frames}


def place_sample(workspace: Workspace, frames: Mapping[str, pl.DataFrame]) -> None:
    """Make `data/` hold exactly these records as its one batch, and leave what is pinned alone.

    Raises:
        BadInput: `data/` holds anything else; it is not overwritten.
    """
    with workspace.lock("data", "landing data"):
        expected = {f"{1:06d}-{fingerprint({kind: frame['id'].to_list() for kind, frame in frames.items()})}"}
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
    commit = git.git(workspace.root, "log", "--max-count=1", "--format=%H", "--", PINNED)
    return DatasetVersion(hash=digest, commit=commit, preferences=_count(workspace, digest))


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
    # A batch that landed before a record had all its columns lacks the newer ones.
    frames = (as_records(pl.read_parquet(file), KINDS[kind]) for file in files(workspace, digest, kind))
    return pl.concat([empty(KINDS[kind]), *frames])


def scan(workspace: Workspace, digest: str, kind: str) -> list[pl.LazyFrame]:
    """The records of a kind in a version, a frame for each batch, for who needs a part of them.

    Raises:
        BadInput: the version's files are not on this machine.
    """
    return [pl.scan_parquet(file) for file in files(workspace, digest, kind)]


def scan_batch(workspace: Workspace, batch: str, kind: str) -> pl.LazyFrame:
    """The records of a kind in one batch of `data/`."""
    file = workspace.data / batch / f"{kind}.parquet"
    return pl.scan_parquet(file) if file.exists() else empty(KINDS[kind]).lazy()


def history(workspace: Workspace) -> list[tuple[str, str, str]]:
    """Commit, time (ISO 8601) and message of every dataset version, newest first."""
    lines = git.git(workspace.root, "log", "--format=%H%x00%cI%x00%s", "--", PINNED).splitlines()
    commits = (line.split("\0") for line in lines)
    return [(commit, at, message) for commit, at, message in commits]


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
            _place(workspace, held, number_of(name))
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
        # What a remote that was away, or a kill, has kept from being pushed is pushed by the next who pins.
        unpushed = Path(repo.tmp_dir) / "unpushed"
        left = unpushed.exists()
        unpushed.touch()
        changed = git.commit(workspace.root, message, PINNED)
        if (changed or left) and repo.config["core"].get("remote"):
            _push(repo)
        unpushed.unlink()


@contextmanager
def opened(root: Path) -> Iterator["Repo"]:
    """The DVC repository of a workspace, quiet."""
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.WARNING)
    logging.getLogger("dvc_data").setLevel(logging.CRITICAL)  # what it could not keep is found out and said here
    repo = Repo(str(root))
    try:
        yield repo
    finally:
        repo.close()


def _add(workspace: Workspace, repo: "Repo") -> None:
    from dvc.exceptions import DvcException
    from dvc.repo import lock_repo

    try:
        with lock_repo(repo), _pinned_whole(workspace, Path(repo.tmp_dir)):
            _mend(Path(repo.tmp_dir) / "rwlock")
            repo.add(str(workspace.data))
            _refuse_a_part(workspace, repo)
    except DvcException as error:
        raise BadInput(
            f"DVC does not take data/: {' '.join(str(error).split())}",
            workspace.root,
            "Mend that and land again; what has landed is kept in data/.",
        ) from None


@contextmanager
def _pinned_whole(workspace: Workspace, aside: Path) -> Iterator[None]:
    """Pin again what was pinned if the block fails."""
    pinned, kept = workspace.root / PINNED, aside / "pinned"
    try:
        if pinned.exists():
            shutil.copyfile(pinned, kept)  # now, because on a disk that is full by then only a rename needs no room
        try:
            yield
        except BaseException:
            if kept.exists():
                kept.replace(pinned)
            raise
    finally:
        kept.unlink(missing_ok=True)


def _refuse_a_part(workspace: Workspace, repo: "Repo") -> None:
    """DVC pins a version all the same where its cache could not take all of it, as on a disk that is full.

    Raises:
        BadInput: that has happened.
    """
    if is_here(workspace, pinned_hash(workspace)):
        return
    cache = Path(repo.cache.local.path)
    if cache.is_relative_to(workspace.root):
        for half in cache.glob("*/.*.tmp"):  # what there was no room for the rest of
            half.unlink()
    fix = "Make room on this disk, or let DVC write there, and land again; what has landed is kept in data/."
    raise BadInput("DVC's cache could not take all of data/", cache, fix)


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


def missing(workspace: Workspace) -> list[str]:
    """The files of the pinned version that `data/` lacks.

    Raises:
        BadInput: the version is not on this machine.
    """
    return [name for name in files_of(workspace, pinned_hash(workspace)) if not (workspace.data / name).exists()]


def _refuse_to_lose(workspace: Workspace) -> None:
    if lost := missing(workspace):
        said = f"data/ lacks {lost[0]}, which is in the dataset version that is pinned"
        raise BadInput(said, workspace.root, "Run `dvc checkout`.")


def number_of(batch: str) -> int:
    """The number of a batch by its name: the how-manieth it was."""
    return int(batch.split("-")[0])


def _next_number(workspace: Workspace) -> int:
    return 1 + max((number_of(batch.name) for batch in workspace.data.glob("[0-9]*-*")), default=0)


def _place(workspace: Workspace, frames: Mapping[str, pl.DataFrame], number: int) -> None:
    """Write one folder of Parquet files aside and rename it into data/."""
    with _aside(workspace) as folder:
        files = _Files(folder)
        for kind, frame in frames.items():
            files.write(kind, frame)
        finished = files.finish(number)
        finished.replace(workspace.data / finished.name)


@contextmanager
def _aside(workspace: Workspace) -> Iterator[Path]:
    """An empty folder on the disk that data/ is on, taken away where it is not moved."""
    workspace.data.mkdir(exist_ok=True)
    workspace.state.mkdir(exist_ok=True)
    for left in workspace.state.glob("batch-*"):  # by a landing that was killed
        shutil.rmtree(left)
    aside = Path(tempfile.mkdtemp(prefix="batch-", dir=workspace.state))
    try:
        yield aside / "data"
    finally:
        shutil.rmtree(aside, ignore_errors=True)


class _Files:
    """The Parquet files of one batch, one a kind, while they are written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}
        folder.mkdir()

    def write(self, kind: str, records: pl.DataFrame) -> None:
        table = records.to_arrow()
        if kind not in self._writers:
            file = self._folder / f"{kind}.parquet"
            self._writers[kind] = pq.ParquetWriter(file, table.schema, compression="zstd")
        self._writers[kind].write_table(table, row_group_size=GROUP)

    def finish(self, number: int) -> Path:
        """Close them and name their folder by the number and what is in it; where it is now."""
        for writer in self._writers.values():
            writer.close()
        return self._folder.replace(self._folder.with_name(_batch_name(number, self._folder)))


def _batch_name(number: int, folder: Path) -> str:
    """A number and a fingerprint of every id, as `identity.fingerprint` makes it of lists of ids by kind."""
    digest = hashlib.sha256(b"[{")
    for place, file in enumerate(sorted(folder.glob("*.parquet"))):
        digest.update(f'{", " if place else ""}"{file.stem}": ['.encode())
        for group, ids in enumerate(pq.ParquetFile(file).iter_batches(GROUP, columns=["id"])):
            listed = pl.DataFrame(ids)["id"].str.join('", "').item()
            digest.update(f'{", " if group else ""}"{listed}"'.encode())
        digest.update(b"]")
    digest.update(b"}]")
    return f"{number:06d}-{digest.hexdigest()[:16]}"


def _push(repo: "Repo") -> None:
    try:
        repo.push()
    except Exception as error:  # every kind of remote has some of its own
        raise BadInput(
            f"the batch landed here, but the DVC remote did not take it: {error}",
            repo.config["core"]["remote"],
            "Run `dvc push`, or the same again, when the remote is back.",
        ) from None


def files(workspace: Workspace, digest: str, kind: str) -> list[Path]:
    """The files of a kind in a version, in the order they landed, where DVC's cache has them.

    Raises:
        BadInput: they are not on this machine.
    """
    entries = files_of(workspace, digest)
    found = [entries[name] for name in sorted(entries) if name.endswith(f"/{kind}.parquet")]
    if not all(file.exists() for file in found):
        raise _absent(workspace, digest)
    return found


def files_of(workspace: Workspace, digest: str) -> dict[str, Path]:
    """Every file of a version, by its place in `data/`, and where DVC's cache has it.

    Raises:
        BadInput: the version is not on this machine.
    """
    store = _store_of(workspace)
    manifest = Path(store.oid_to_path(digest))
    if not manifest.exists():
        raise _absent(workspace, digest)
    return {entry["relpath"]: Path(store.oid_to_path(entry["md5"])) for entry in json.loads(manifest.read_text())}


def stored(workspace: Workspace, digests: Iterable[str]) -> dict[str, list[Path]]:
    """What DVC's cache has on this machine of some versions: the list of each one's files, and those files."""
    store = _store_of(workspace)
    return {digest: list(_stored(store, digest)) for digest in digests}


def _store_of(workspace: Workspace) -> Any:
    settings = (workspace.root / ".dvc" / name for name in ("config", "config.local"))
    return _store(workspace.root, tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in settings))


@lru_cache(maxsize=8)
def _store(root: Path, written: tuple[int, ...]) -> Any:
    """Where DVC keeps files, which takes a while to find out, by its settings as they were written."""
    with opened(root) as repo:
        return repo.cache.local


def _stored(store: Any, digest: str) -> Iterator[Path]:
    manifest = Path(store.oid_to_path(digest))
    if manifest.exists():
        yield manifest
        named = (Path(store.oid_to_path(entry["md5"])) for entry in json.loads(manifest.read_text()))
        yield from (file for file in named if file.exists())


def pinned_ever(workspace: Workspace) -> list[str]:
    """The content hashes of all dataset versions, newest first, each once."""
    found = (hash_at(workspace, commit) for commit, _, _ in history(workspace))
    return list(dict.fromkeys(digest for digest in found if digest))


def bytes_of(workspace: Workspace, digest: str, kinds: Iterable[str]) -> int:
    """About how many bytes the records of some kinds in a version are, unpacked.

    Raises:
        BadInput: the version's files are not on this machine.
    """
    held = [pq.ParquetFile(file).metadata for kind in kinds for file in files(workspace, digest, kind)]
    return sum(told.row_group(group).total_byte_size for told in held for group in range(told.num_row_groups))


def is_here(workspace: Workspace, digest: str) -> bool:
    """Whether all files of a version are on this machine."""
    try:
        return all(file.exists() for file in files_of(workspace, digest).values())
    except BadInput:
        return False


def _absent(workspace: Workspace, digest: str) -> BadInput:
    return BadInput(f"dataset version {digest[:12]} is not on this machine", workspace.root, "Run `dvc pull`.")


def _count(workspace: Workspace, digest: str) -> int:
    return sum(frame.select(pl.len()).collect().item() for frame in scan(workspace, digest, "preferences"))
