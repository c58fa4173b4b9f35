"""The journal: what each part of heed did, one JSON object a line, for whoever has to find out later.

Ids go in, counts, and how long it took; never what somebody said or what they are called, because nobody looks for a
person here when they are to be forgotten. Knows nothing of what is done.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from components.records.errors import BadInput

WRITER = "HEED_JOURNAL"
"""The environment variable that names the file a process writes to, which processes of other machines do not."""

AT_A_TERMINAL = "terminal"

LONGEST = 10 * 2**20
"""Bytes at which a file is put away and another begun."""

KEPT = 4
"""Files of each name that are put away; the oldest goes."""

TOGETHER = 50
"""Ids in one line, at most."""

log = logging.getLogger("heed")
log.propagate = False
log.setLevel(logging.INFO)
log.addHandler(logging.NullHandler())


def keep(folder: Path, correlation: Callable[[], str | None]) -> None:
    """Let this process write its journal from now on, in the place of any it has written.

    Args:
        folder: for the files.
        correlation: the id of what is being done, the same in every process that does some of it; None outside.
    """
    global _correlation
    _correlation = correlation
    for before in log.handlers:
        if isinstance(before, _File):
            log.removeHandler(before)
            before.close()
    log.addHandler(_File(folder / f"{os.environ.get(WRITER, AT_A_TERMINAL)}.jsonl"))


def tell(part: str, event: str, **facts: object) -> None:
    """Write a line.

    Args:
        part: of heed, as capture, landing or training.
        event: what happened, always in the same words.
        facts: what it happened to, and how; what is None is left out.
    """
    _say(logging.INFO, part, event, facts)


def trouble(part: str, event: str, **facts: object) -> None:
    """`tell` for what somebody may have to mend."""
    _say(logging.WARNING, part, event, facts)


@contextmanager
def stage(part: str, event: str, **facts: object) -> Iterator[dict[str, object]]:
    """Tell that something begins, and how it ended and after how many seconds.

    Yields:
        What is told at its end; more can be added.
    """
    tell(part, event, state="begun", **facts)
    start, found = time.monotonic(), dict(facts)
    try:
        yield found
    except BaseException as error:
        trouble(part, event, state="failed", seconds=_since(start), error=_named(error), **found)
        raise
    tell(part, event, state="done", seconds=_since(start), **found)


def lines(folder: Path, naming: Collection[str]) -> list[dict[str, object]]:
    """The lines of all processes that have one of some texts in them, in the order of their times."""
    wanted = [json.dumps(name, ensure_ascii=False)[1:-1].encode() for name in naming]
    found = []
    for file in folder.glob("*.jsonl*"):
        with suppress(FileNotFoundError), file.open("rb") as written:
            for line in written:
                if any(name in line for name in wanted):
                    with suppress(ValueError):  # half a line, from when the disk was full
                        found.append(json.loads(line))
    return sorted(found, key=lambda line: str(line["time"]))


def _correlation() -> str | None:
    return None


def _say(level: int, part: str, event: str, facts: dict[str, object]) -> None:
    if log.isEnabledFor(level):
        log.log(level, event, extra={"part": part, "correlation": _correlation(), "facts": facts})


def _named(error: BaseException) -> str:
    """What may be told of an error: in words where heed chose them, because those of others may quote somebody."""
    return str(error) if isinstance(error, BadInput) else type(error).__name__


def _since(start: float) -> float:
    return round(time.monotonic() - start, 3)


class _AsJson(logging.Formatter):
    """A record of `_say` as one line."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "part": getattr(record, "part", record.name),
            "event": record.getMessage(),
            "correlation": getattr(record, "correlation", None),
            **getattr(record, "facts", {}),
        }
        held = {name: value for name, value in told.items() if value is not None}
        return json.dumps(held, ensure_ascii=False, default=str)


class _File(logging.Handler):
    """A file that several processes of a machine add to, each line in one write, and that does not grow for ever.

    What cannot be written is left out: no work waits or fails because there is no room to write about it.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.setFormatter(_AsJson())
        self._file = file
        self._open: int | None = None
        self._torn = False

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        with suppress(OSError):
            self._write(b"\n" + line if self._torn else line)

    def close(self) -> None:
        self._let_go()
        super().close()

    def _write(self, line: bytes) -> None:
        if self._open is None or self._put_away():
            self._let_go()
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._open = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._torn = os.write(self._open, line) < len(line)

    def _let_go(self) -> None:
        if self._open is not None:
            os.close(self._open)
            self._open = None

    def _put_away(self) -> bool:
        """Whether the file that is open has another name by now; it gets one where it is long."""
        assert self._open is not None
        held = os.fstat(self._open)
        if held.st_size >= LONGEST:
            with FileLock(self._file.parent / ".lock"):
                if _same(held, self._file):
                    for number in range(KEPT, 0, -1):
                        with suppress(FileNotFoundError):
                            self._numbered(number - 1).replace(self._numbered(number))
        return not _same(held, self._file)

    def _numbered(self, number: int) -> Path:
        return self._file.with_name(f"{self._file.name}.{number}") if number else self._file


def _same(held: os.stat_result, file: Path) -> bool:
    try:
        return os.path.samestat(held, file.stat())
    except FileNotFoundError:
        return False
