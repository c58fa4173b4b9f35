"""The dataset as DVC versions: one folder a batch, one `dvc add` and one commit of data.dvc a landing.

A batch folder is renamed into `data/` whole, so whatever a killed process left there is whole too, and the next
landing pins it. Batches are never changed, so a version is read straight from DVC's cache, whatever has landed since.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from components.records.errors import BadInput
from components.records.handles import DatasetVersion
from components.records.identity import fingerprint
from components.records.schemas import KINDS, as_records, empty
from components.workspace import git, pinning
from components.workspace.files import place_text
from components.workspace.workspace import Workspace

LANDING = 600.0  # seconds for which a landing waits until another is done
GROUP = 100_000  # records that lie together in a file


class Batch:
    """What is about to become the next version. Records may be added in pieces; none is kept in memory.

    Attributes:
        known: content hash of the version before.
        landed: kind to how many records of it are new.
    """

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.known = pinning.pinned_hash(workspace)
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
            pinning.pin(workspace, f"Land {counts} from {told_by}")


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
        pinned = (workspace.root / pinning.PINNED).read_text()
        with pinning.opened(workspace.root) as repo:
            pinning.add(workspace, repo)
        place_text(workspace.root / pinning.PINNED, pinned)


def current(workspace: Workspace) -> DatasetVersion:
    """The version that data.dvc pins."""
    digest = pinning.pinned_hash(workspace)
    commit = git.git(workspace.root, "log", "--max-count=1", "--format=%H", "--", pinning.PINNED)
    return DatasetVersion(hash=digest, commit=commit, preferences=_count(workspace, digest))


def read(workspace: Workspace, version: DatasetVersion | str, kind: str = "preferences") -> pl.DataFrame:
    """All records of a kind in a version, in the order they landed.

    Raises:
        BadInput: the version's files are not on this machine.
    """
    digest = version if isinstance(version, str) else version.hash
    # A batch that landed before a record had all its columns lacks the newer ones.
    frames = (as_records(pl.read_parquet(file), KINDS[kind]) for file in pinning.files(workspace, digest, kind))
    return pl.concat([empty(KINDS[kind]), *frames])


def scan(workspace: Workspace, digest: str, kind: str) -> list[pl.LazyFrame]:
    """The records of a kind in a version, a frame for each batch, for who needs a part of them.

    Raises:
        BadInput: the version's files are not on this machine.
    """
    return [pl.scan_parquet(file) for file in pinning.files(workspace, digest, kind)]


def scan_batch(workspace: Workspace, batch: str, kind: str) -> pl.LazyFrame:
    """The records of a kind in one batch of `data/`."""
    file = workspace.data / batch / f"{kind}.parquet"
    return pl.scan_parquet(file) if file.exists() else empty(KINDS[kind]).lazy()


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
    pinning.pin(workspace, message)
    return current(workspace)


def catch_up(workspace: Workspace) -> None:
    """Pin what an interrupted landing left; whoever calls holds the lock on the data.

    Raises:
        BadInput: `data/` lacks some of the version that is pinned, and the next one is made of what it holds.
    """
    _refuse_to_lose(workspace)
    pinning.pin(workspace, "Pin the batch an interrupted landing left")


def missing(workspace: Workspace) -> list[str]:
    """The files of the pinned version that `data/` lacks.

    Raises:
        BadInput: the version is not on this machine.
    """
    return [
        name
        for name in pinning.files_of(workspace, pinning.pinned_hash(workspace))
        if not (workspace.data / name).exists()
    ]


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


def bytes_of(workspace: Workspace, digest: str, kinds: Iterable[str]) -> int:
    """About how many bytes the records of some kinds in a version are, unpacked.

    Raises:
        BadInput: the version's files are not on this machine.
    """
    held = [pq.ParquetFile(file).metadata for kind in kinds for file in pinning.files(workspace, digest, kind)]
    return sum(told.row_group(group).total_byte_size for told in held for group in range(told.num_row_groups))


def _count(workspace: Workspace, digest: str) -> int:
    return sum(frame.select(pl.len()).collect().item() for frame in scan(workspace, digest, "preferences"))
