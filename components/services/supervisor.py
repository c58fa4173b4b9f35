"""Keeps processes up: starts them, waits until they answer, starts again what ends, and stops all of them.

Knows nothing of what they do. Each is the first of a session of its own, so that whoever stops this one with Ctrl-C
does not stop them all at once and in no order, and so that what they start can be found and ended with them.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from components.records.errors import BadInput

PATIENCE = 120.0
"""Seconds in which a process has to answer."""

LOOKS = 0.2
"""Seconds between two looks at the processes."""

TRIES = 3
"""Times that a process is started which ends before it has ever answered."""

LONGEST_REST = 30.0
"""Seconds until a process that ends again and again is started again; it begins with one and doubles."""

STEADY = 60.0
"""Seconds that a process has to be up for its earlier ends to be forgotten."""

LAST_SECONDS = 20.0
"""In which a process that is told to stop may still end what it does."""

LONGEST_LOG = 10 * 2**20
"""Bytes of a log at which it is begun anew; one earlier log is kept."""


@dataclass(frozen=True)
class Service:
    """A process to keep up.

    Attributes:
        name: what a person calls it.
        command: the program and its arguments.
        environment: all of it.
        answers: whether it does what it is there for.
        address: where people find it; empty where there is nothing to see.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    answers: Callable[[], bool]
    address: str = ""


@dataclass
class _Kept:
    service: Service
    process: "subprocess.Popen[bytes]"
    since: float
    ends: int = 0
    again_at: float | None = None


@dataclass
class Supervisor:
    """Keeps services up.

    Attributes:
        logs: the folder for what they print, a file each.
        told: is told in a sentence what happened to which service.
        noted: is told the process ids whenever they change, by name.
    """

    logs: Path
    told: Callable[[str], None]
    noted: Callable[[Mapping[str, int]], None]
    _waves: list[list[_Kept]] = field(default_factory=list)

    def bring_up(self, services: Sequence[Service], stopping: Callable[[], bool]) -> None:
        """Start services and wait until each answers, or until `stopping`.

        Raises:
            BadInput: one does not come up; what it said last is told. Those that did stay up.
        """
        waiting = [_Kept(service, self._started(service), time.monotonic()) for service in services]
        self._waves.append(waiting)
        self._note()
        deadline = time.monotonic() + PATIENCE
        while waiting and not stopping():
            for kept in waiting:
                if kept.process.poll() is not None:
                    self._once_more(kept)
            waiting = [kept for kept in waiting if not kept.service.answers()]
            if waiting and time.monotonic() > deadline:
                raise self._silent(waiting[0].service, f"does not answer after {PATIENCE:.0f} s")
            time.sleep(LOOKS)

    def keep_up(self, stopping: Callable[[], bool]) -> None:
        """Start again what ends, until `stopping`."""
        while not stopping():
            for kept in self._kept:
                self._look_after(kept)
                self._put_away_if_long(self._log(kept.service))
            time.sleep(LOOKS)

    def stop(self) -> None:
        """Stop all, those that were brought up last first; whatever they started ends with them."""
        for wave in reversed(self._waves):
            end([kept.process.pid for kept in wave])
            for kept in wave:
                kept.process.wait()
        self._waves.clear()
        self._note()

    @property
    def _kept(self) -> list[_Kept]:
        return [kept for wave in self._waves for kept in wave]

    def _look_after(self, kept: _Kept) -> None:
        now = time.monotonic()
        if kept.again_at is not None:
            if now >= kept.again_at:
                kept.process, kept.since, kept.again_at = self._started(kept.service), now, None
                self._note()
        elif kept.process.poll() is not None:
            kept.ends = 1 if now - kept.since > STEADY else kept.ends + 1
            rest = min(LONGEST_REST, 2.0 ** (kept.ends - 1))
            kept.again_at = now + rest
            _end_session(kept.process.pid)
            self.told(
                f"{kept.service.name} has ended ({_how(kept.process.returncode)}) and is started again in "
                f"{rest:.0f} s; what it said is in {self._log(kept.service)}"
            )

    def _once_more(self, kept: _Kept) -> None:
        kept.ends += 1
        if kept.ends >= TRIES:
            raise self._silent(kept.service, f"does not start ({_how(kept.process.returncode)})")
        kept.process = self._started(kept.service)
        self._note()

    def _started(self, service: Service) -> "subprocess.Popen[bytes]":
        log = self._log(service)
        log.parent.mkdir(parents=True, exist_ok=True)
        self._put_away_if_long(log)
        with log.open("ab") as out:
            return subprocess.Popen(
                service.command,
                env=dict(service.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def _put_away_if_long(self, log: Path) -> None:
        """Begin a log anew; the process goes on writing to the same file, at whatever is its end."""
        with suppress(OSError):  # there is none yet, or no room for another
            if log.stat().st_size > LONGEST_LOG:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)

    def _log(self, service: Service) -> Path:
        return self.logs / f"{service.name.replace(' ', '-')}.log"

    def _note(self) -> None:
        try:
            self.noted({kept.service.name: kept.process.pid for kept in self._kept})
        except OSError as error:
            # What is up stays up where there is no room left to say so.
            self.told(f"what is up cannot be noted: {error}")

    def _silent(self, service: Service, what: str) -> BadInput:
        log = self._log(service)
        said = log.read_text(errors="replace").strip().splitlines()
        last = said[-1].strip()[:300] if said else "nothing"
        return BadInput(f"{service.name} {what}; it said last: {last}", log, "Mend that and run `heed up` again.")


def end(pids: Sequence[int]) -> None:
    """End processes and all of their sessions: told to stop first, then killed.

    A flow that a worker runs in a process of its own is told too, so that it can say that it was ended.
    """
    everything = [one for pid in pids for one in _family(pid)]
    for one in everything:
        with suppress(psutil.NoSuchProcess):
            one.terminate()
    _, left = psutil.wait_procs(everything, timeout=LAST_SECONDS)
    for one in left:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    for pid in pids:
        _end_session(pid)


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _end_session(pid: int) -> None:
    """Kill what is left of the session that a process was the first of."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
