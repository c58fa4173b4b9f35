"""Makes events of the lines of long batches in processes beside this one, on other cores where there are some.

The interpreter lets one thread work at a time, and whoever sends a single event must not wait for those who send
thousands. Short batches and the first moments, until a process is there, are taken in here.
"""

import gc
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process

from components.feedback.capture.events import Unfit
from components.feedback.capture.intake import Intake, Taken
from components.feedback.capture.store import Event

PROCESSES = 2
"""More of them would make events quicker than one process commits them."""

WORTH_IT = 200
"""Lines; fewer are taken in sooner than they are sent over."""

Packed = tuple[str, str, str | None, str | None, bytes, dict[str, int] | None] | str
"""A `Taken` as its parts, which travel quicker, or why there is none."""


class Beside:
    """An intake with processes beside it. Any thread may use it.

    Args:
        intake: takes in what they do not.
        secret: of the intake.
    """

    def __init__(self, intake: Intake, secret: bytes) -> None:
        self._intake, self._secret = intake, secret
        self._starting = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._ready: Future[bool] | None = None

    def take_all(self, lines: Sequence[bytes]) -> list[Taken | Unfit]:
        """See `Intake.take_all`."""
        pool = self._running() if len(lines) >= WORTH_IT else None
        if pool is None:
            return self._intake.take_all(lines)
        try:
            return [_unpacked(packed) for packed in pool.submit(_take_all, list(lines)).result()]
        except (BrokenProcessPool, RuntimeError):  # one was killed, or they are being closed
            self.close()
            return self._intake.take_all(lines)

    def close(self) -> None:
        """End the processes; others are started when they are needed."""
        with self._starting:
            pool, self._pool, self._ready = self._pool, None, None
        if pool:
            pool.shutdown(wait=False, cancel_futures=True)

    def _running(self) -> ProcessPoolExecutor | None:
        """The processes, None while the first is being started."""
        with self._starting:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(PROCESSES, get_context("spawn"), _begin, (self._secret,))
                self._ready = self._pool.submit(_is_there)
            return self._pool if self._ready and self._ready.done() else None


_intake: Intake


def _begin(secret: bytes) -> None:
    global _intake
    _intake = Intake(secret)
    gc.set_threshold(50_000)  # the events of a batch are many, and no garbage
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which ends its processes
    threading.Thread(target=_end_with_the_service, daemon=True).start()


def _end_with_the_service() -> None:
    service = parent_process()
    if service:
        service.join()
        os._exit(0)


def _is_there() -> bool:
    return True


def _take_all(lines: list[bytes]) -> list[Packed]:
    return [_packed(taken) for taken in _intake.take_all(lines)]


def _packed(taken: Taken | Unfit) -> Packed:
    if isinstance(taken, Unfit):
        return taken.what
    return *taken.event, taken.masked or None


def _unpacked(packed: Packed) -> Taken | Unfit:
    if isinstance(packed, str):
        return Unfit(packed)
    *event, masked = packed
    return Taken(Event._make(event), masked or {})
