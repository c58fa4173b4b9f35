"""One file that holds a folder: a tar packed with zstd or gzip, and a manifest of what every file in it hashes to.

Knows nothing of workspaces.
"""

import gzip
import hashlib
import io
import json
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import zstandard

from components.records.errors import BadInput
from components.workspace.files import place

MANIFEST = "manifest.json"
INSIDE = "workspace"
"""The folder of the archive that everything but the manifest is in."""

PACKED: dict[str, tuple[Callable[[Path], Any], Callable[[Path], Any]]] = {
    ".tar.zst": (partial(zstandard.open, mode="wb"), partial(zstandard.open, mode="rb")),
    ".tar.gz": (partial(gzip.open, mode="wb", compresslevel=6), partial(gzip.open, mode="rb")),
}
"""The end of a name to how such a file is written and read."""

OWNERS_ALONE = 0o600
CHUNK = 2**20  # bytes


class Writer:
    """An archive that is being written.

    Attributes:
        sizes: name of every file that was added to its bytes; one that is the same file as an earlier one takes none.
    """

    def __init__(self, tar: tarfile.TarFile) -> None:
        self.sizes: dict[str, int] = {}
        self._tar = tar
        self._hashes: dict[str, str] = {}

    def add(self, file: Path, name: str) -> None:
        """Add a file under a name; a folder is added empty, and what is gone by now is left out."""
        try:
            if file.is_dir():
                self._tar.addfile(self._tar.gettarinfo(file, f"{INSIDE}/{name}"))
                return
            with file.open("rb") as stream:
                self._add(stream, f"{INSIDE}/{name}", name)
        except FileNotFoundError:
            return

    def finish(self, told: dict[str, Any]) -> None:
        """Add the manifest.

        Args:
            told: what it says beside the hashes.
        """
        text = json.dumps(told | {"files": self._hashes}, indent=1).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size = len(text)
        self._tar.addfile(member, io.BytesIO(text))

    def _add(self, stream: BinaryIO, member_name: str, name: str) -> None:
        member = self._tar.gettarinfo(arcname=member_name, fileobj=stream)
        if member.islnk():
            self._tar.addfile(member)
            self._hashes[name] = self._hashes[member.linkname.removeprefix(f"{INSIDE}/")]
            self.sizes[name] = 0
        else:
            hashed = _Hashed(stream)
            self._tar.addfile(member, cast(IO[bytes], hashed))
            self._hashes[name] = hashed.digest
            self.sizes[name] = member.size


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._hash = stream, hashlib.sha256()

    def read(self, size: int) -> bytes:
        found = self._stream.read(size)
        self._hash.update(found)
        return found

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def write(target: Path, fill: Callable[[Writer], dict[str, Any]]) -> None:
    """Make an archive, for nobody else to read; it is whole as soon as it is there.

    Args:
        target: ends as one of `PACKED`.
        fill: adds the files, and returns what the manifest says beside their hashes.

    Raises:
        BadInput: the name ends otherwise, or the archive cannot be written.
    """
    packing, _ = _packing(target)

    def fill_aside(aside: Path) -> None:
        with packing(aside) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
            writer = Writer(tar)
            writer.finish(fill(writer))

    try:
        place(target, fill_aside, OWNERS_ALONE)
    except OSError as error:
        fix = "Make room, or name another place."
        raise BadInput(f"the archive cannot be written: {error.strerror or error}", target, fix) from None


def unpack(source: Path, folder: Path) -> dict[str, Any]:
    """Take everything out of an archive and hold it against its manifest, which is returned.

    Args:
        source: the archive.
        folder: gets what was archived; a folder that is empty, or is not there yet.

    Raises:
        BadInput: it is no archive of this kind, is damaged, or would write anywhere else.
    """
    hashes: dict[str, str] = {}
    manifest: dict[str, Any] | None = None
    folder.mkdir(parents=True, exist_ok=True)
    with _reading(source) as tar:
        for member in tar:
            if member.name == MANIFEST:
                manifest = json.loads(cast(IO[bytes], tar.extractfile(member)).read())
            else:
                _take_out(tar, member, folder, hashes)
    if manifest is None:
        raise _damaged(source, "it ends before its manifest")
    wrong = sorted(hashes.items() ^ manifest.get("files", {}).items())
    if wrong:
        raise _damaged(source, f"{wrong[0][0]} is not what it was")
    return manifest


def _take_out(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, hashes: dict[str, str]) -> None:
    if not (member.isreg() or member.islnk() or member.isdir()) or not member.name.startswith(f"{INSIDE}/"):
        raise tarfile.TarError(f"{member.name} is nothing that a backup holds")
    member.name = member.name.removeprefix(f"{INSIDE}/")
    member.linkname = member.linkname.removeprefix(f"{INSIDE}/")
    tar.extract(member, folder, filter="data")
    if member.isdir():
        return
    taken = folder / member.name
    # As it was: git and DVC keep what must not be changed as files that nobody may write to.
    taken.chmod(stat.S_IMODE(member.mode) & 0o755)
    with taken.open("rb") as stream:
        hashes[member.name] = hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _reading(source: Path) -> Iterator[tarfile.TarFile]:
    _, unpacking = _packing(source)
    try:
        with unpacking(source) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            yield tar
    except tarfile.FilterError as error:
        raise _damaged(source, f"it would write outside of the folder: {error}") from None
    except (tarfile.TarError, zstandard.ZstdError, zlib.error, EOFError, OSError, ValueError) as error:
        raise _damaged(source, str(error)) from None


def _packing(file: Path) -> tuple[Callable[[Path], Any], Callable[[Path], Any]]:
    for end, packing in PACKED.items():
        if file.name.endswith(end):
            return packing
    raise BadInput("this is not the name of a backup", file, f"Let it end in {' or '.join(PACKED)}.")


def _damaged(source: Path, why: str) -> BadInput:
    return BadInput(f"the backup cannot be used: {why}", source, "Take another one; nothing was restored.")
