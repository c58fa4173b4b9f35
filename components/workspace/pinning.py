"""What DVC and git keep of the dataset: the version that data.dvc pins, those it pinned before, and their files."""

import json
import logging
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.records.errors import BadInput
from components.workspace import git
from components.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dvc.repo import Repo

PINNED = "data.dvc"
HASH = re.compile(r"md5: ([0-9a-f]{32}\.dir)")


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


def history(workspace: Workspace) -> list[tuple[str, str, str]]:
    """Commit, time (ISO 8601) and message of every dataset version, newest first."""
    lines = git.git(workspace.root, "log", "--format=%H%x00%cI%x00%s", "--", PINNED).splitlines()
    commits = (line.split("\0") for line in lines)
    return [(commit, at, message) for commit, at, message in commits]


def hash_at(workspace: Workspace, commit: str) -> str | None:
    """The content hash that data.dvc pinned in a commit."""
    found = HASH.search(git.git(workspace.root, "show", f"{commit}:./{PINNED}"))
    return found.group(1) if found else None


def pin(workspace: Workspace, message: str) -> None:
    """`dvc add`, a commit of data.dvc where that changed it, and a push where DVC has a default remote.

    Raises:
        BadInput: DVC does not take `data/`, or the remote the version; what was landed is kept here.
    """
    workspace.data.mkdir(exist_ok=True)
    with opened(workspace.root) as repo:
        add(workspace, repo)
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


def add(workspace: Workspace, repo: "Repo") -> None:
    """`dvc add`: data.dvc pins what `data/` holds, all of which is in DVC's cache then.

    Raises:
        BadInput: DVC does not take it; what was pinned before stays so.
    """
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


def is_here(workspace: Workspace, digest: str) -> bool:
    """Whether all files of a version are on this machine."""
    try:
        return all(file.exists() for file in files_of(workspace, digest).values())
    except BadInput:
        return False


def _absent(workspace: Workspace, digest: str) -> BadInput:
    return BadInput(f"dataset version {digest[:12]} is not on this machine", workspace.root, "Run `dvc pull`.")
