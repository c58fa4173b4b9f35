"""The queue on disk for a store that does not answer: events wait in files until they can be kept. Knows no HTTP.

A segment is a file of one event a line. The one that is written to ends in `.open` and is locked by its process; when
it is full, or its process is gone, it is sealed, which is a rename, and only then read. What is read again after a
crash is written to the store again, which knows an event by its id and keeps it once.
"""

import asyncio
import fcntl
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from components import journal
from components.feedback.capture.intake import event_of
from components.feedback.capture.store import Event, Store, StoreDown
from components.workspace import room

SEGMENT_BYTES = 8 * 2**20
CAPACITY = 2**30
"""Bytes that may wait on disk."""

TOGETHER = 1000
"""Events that are handed to the store at a time."""

RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class SpoolFull(Exception):
    """No more may wait on disk, or the disk takes no more."""


class Spool:
    """Events waiting on disk, for any number of threads; other processes may have theirs in the same folder.

    Args:
        folder: made when it is needed.
        capacity: bytes that may wait in it.
    """

    def __init__(self, folder: Path, capacity: int = CAPACITY) -> None:
        self._folder, self._capacity = folder, capacity
        self._turn = threading.Lock()
        self._open: BinaryIO | None = None

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return sum(_size(file) for file in self._folder.glob("*.*") if file.suffix in (".open", ".sealed"))

    def append(self, events: Sequence[Event]) -> None:
        """Let events wait; they are on disk when this returns.

        Raises:
            SpoolFull: they cannot.
        """
        lines = b"".join(event.body + b"\n" for event in events)
        with self._turn:
            if self.size + len(lines) > self._capacity:
                raise SpoolFull(f"{self._folder} holds all it may, {self._capacity} bytes")
            try:
                self._write(lines)
            except OSError as error:
                raise SpoolFull(f"{self._folder} takes no more: {error.strerror}") from None

    def check(self) -> None:
        """Raise `SpoolFull` unless events can wait here."""
        if self.size >= self._capacity:
            raise SpoolFull(f"{self._folder} holds all it may, {self._capacity} bytes")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpoolFull(f"{self._folder} cannot be made: {error.strerror}") from None
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise SpoolFull(f"{self._folder} cannot be written to")
        if room.is_full(self._folder):
            raise SpoolFull(f"the disk of {self._folder} is full")

    def oldest(self) -> Path | None:
        """The segment that has waited longest, sealed if it was not; None where nothing waits."""
        with self._turn:
            if self._open is not None:
                self._seal()
            for left in self._folder.glob("*.open"):
                _seal_of_the_dead(left)
            return min(self._folder.glob("*.sealed"), default=None)

    def read(self, segment: Path) -> Iterator[list[Event]]:
        """The events of a sealed segment, some at a time. A line that a crash has torn is told of and left out."""
        with segment.open("rb") as lines:
            events = (event for line in lines if (event := _event(line, segment)) is not None)
            while some := list(islice(events, TOGETHER)):
                yield some

    def remove(self, segment: Path) -> None:
        """Forget a segment whose events are kept."""
        segment.unlink(missing_ok=True)

    def close(self) -> None:
        """Seal what is open."""
        with self._turn:
            if self._open is not None:
                self._seal()

    def _write(self, lines: bytes) -> None:
        if self._open is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._open = (self._folder / f"{time.time_ns():020}-{os.getpid()}.open").open("xb", buffering=0)
            fcntl.flock(self._open, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sync_folder(self._folder)
        end = self._open.tell()
        try:
            remaining = memoryview(lines)
            while remaining:
                remaining = remaining[self._open.write(remaining) :]
            os.fsync(self._open.fileno())
        except OSError:
            # Half a line would swallow the one that is written after it.
            self._open.truncate(end)
            self._open.seek(end)
            raise
        if self._open.tell() >= SEGMENT_BYTES:
            self._seal()

    def _seal(self) -> None:
        assert self._open is not None
        opened, self._open = self._open, None
        with opened:
            _seal(Path(opened.name))


def drain(spool: Spool, store: Store) -> None:
    """Bring all that waits to the store, once, and wait for it.

    Raises:
        StoreDown: the store does not take it; what it did not take waits on.
    """
    while (segment := spool.oldest()) is not None:
        for events in spool.read(segment):
            store.append(events)
        spool.remove(segment)


async def catch_up(spool: Spool, commit: Callable[[Sequence[Event]], Awaitable[object]]) -> None:
    """Bring what waits to the store, for ever: at once what an earlier process left, later whenever something waits.

    Args:
        spool: where events wait.
        commit: keeps events; raises `StoreDown` where it cannot.
    """
    while True:
        try:
            while (segment := await asyncio.to_thread(spool.oldest)) is not None:
                for events in spool.read(segment):
                    await commit(events)
                await asyncio.to_thread(spool.remove, segment)
        except StoreDown:
            pass
        except Exception:
            log.exception("what waits in the spool could not be brought to the store; trying again")
        await asyncio.sleep(RETRY_SECONDS)


def _event(line: bytes, segment: Path) -> Event | None:
    try:
        if not line.endswith(b"\n"):
            raise ValueError("the line has no end")
        return event_of(line[:-1])
    except ValueError as error:
        log.warning("a line of %s is left out, because it was never wholly written: %s", segment, error)
        journal.trouble("capture", "leave out", segment=segment.name, because="never wholly written")
        return None


def _seal_of_the_dead(left: Path) -> None:
    """Seal a segment whose process is gone: its lock is free."""
    try:
        with left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _seal(left)
    except (BlockingIOError, FileNotFoundError):
        pass


def _seal(segment: Path) -> None:
    segment.rename(segment.with_suffix(".sealed"))
    _sync_folder(segment.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
