"""Files that are whole or not there: written aside, synced, renamed into place; and logs, which only grow."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

ASIDE, HELD = "aside-", ".lock"
"""How the name of a folder aside begins, and that of its lock ends."""


def place(target: Path, write: Callable[[Path], object], mode: int = 0o644) -> None:
    """Let `write` fill a file beside the target, then put it in the target's place in one step.

    Args:
        target: where the file shall stand; what stands there is replaced whole.
        write: gets the path to write to.
        mode: who may read it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(descriptor)
    aside = Path(name)
    try:
        write(aside)
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.chmod(mode)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def place_text(target: Path, text: str) -> None:
    """`place` for a text."""
    place(target, lambda aside: aside.write_text(text, encoding="utf-8"))


@contextmanager
def folder_aside(parent: Path) -> Iterator[Path]:
    """A new folder of one's own, for as long as the block lasts; what killed processes left of theirs is taken away.

    Args:
        parent: where it is made.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{ASIDE}*{HELD}"):
        # Its process holds it, however it ends, until then.
        with suppress(Timeout), FileLock(left, timeout=0):
            _take_away(left)
    folder = Path(tempfile.mkdtemp(prefix=ASIDE, dir=parent))
    held = folder.with_suffix(HELD)
    with FileLock(held):
        try:
            yield folder
        finally:
            _take_away(held)


def _take_away(held: Path) -> None:
    shutil.rmtree(held.with_suffix(""), ignore_errors=True)
    held.unlink(missing_ok=True)


def append(target: Path, lines: str, locked: Path | None = None) -> None:
    """Add lines to the end of a log; they are on disk when this returns, whoever else is adding to it.

    What a process that was killed left of a line is cut off: nobody was told that it is there.

    Args:
        target: the log; made where it is not there yet.
        lines: each with its line break.
        locked: the folder that holds the lock of all who add to the log; None for the one the log is in.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(locked or target.parent), target.open("ab") as log:
        log.truncate(len(_whole_lines(target)))
        log.write(lines.encode())
        log.flush()
        os.fsync(log.fileno())


def logged(target: Path) -> bytes:
    """All whole lines of a log; nothing where it is not there yet."""
    return _whole_lines(target) if target.exists() else b""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep every other process from changing the logs in a folder; waits for the one that is."""
    with FileLock(folder / ".lock"):
        yield


def _whole_lines(target: Path) -> bytes:
    content = target.read_bytes()
    return content[: content.rfind(b"\n") + 1]
