"""Group commit: whatever waits to be written shares one transaction. Knows nothing of what is written, nor of HTTP."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from components import journal
from components.feedback.capture.store import Event, Store, StoreDown

GROUP = 5_000
"""Events after which a transaction takes no more requests into it."""

PATIENCE = 20.0
"""Seconds after which a request is told that the store does not answer, whatever becomes of its events."""


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    events: Sequence[Event]
    answer: "asyncio.Future[list[bool]]"


class Writer:
    """One thread that commits for everybody: the more ask at a time, the more share a transaction.

    Args:
        store: where events are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: SimpleQueue[_Request | None] = SimpleQueue()
        self._answered = True
        self._thread = threading.Thread(target=self._work, name="heed-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many requests wait for their transaction."""
        return self._queue.qsize()

    async def commit(self, events: Sequence[Event]) -> list[bool]:
        """Keep events; they are committed, all of them, when this returns.

        Returns:
            For each event whether it is new.

        Raises:
            StoreDown: the store did not take them, or did not say so in time. They may be sent again.
        """
        answer: asyncio.Future[list[bool]] = asyncio.get_running_loop().create_future()
        self._queue.put(_Request(events, answer))
        try:
            async with asyncio.timeout(PATIENCE):
                return await answer
        except TimeoutError:
            raise StoreDown(f"the store did not answer within {PATIENCE:.0f} s") from None

    def close(self) -> None:
        """Commit what waits, then stop."""
        self._queue.put(None)
        self._thread.join(PATIENCE)

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            group, size, more = [first], len(first.events), True
            while more and size < GROUP:
                try:
                    request = self._queue.get_nowait()
                except Empty:
                    break
                if request is None:
                    self._queue.put(None)
                    more = False
                else:
                    group.append(request)
                    size += len(request.events)
            self._commit(group)

    def _commit(self, group: list[_Request]) -> None:
        events = [event for request in group for event in request.events]
        try:
            new = self._store.append(events)
        except StoreDown as down:
            self._answers(False)
            _tell(group, [down] * len(group))
        except Exception as error:  # whoever brought what cannot be written is told so, and spoils no other
            if len(group) > 1:
                for request in group:
                    self._commit([request])
            else:
                _tell(group, [error])
        else:
            at, answers = 0, []
            for request in group:
                answers.append(new[at : at + len(request.events)])
                at += len(request.events)
            _tell(group, answers)
            self._answers(True)
            _note(events, new)

    def _answers(self, now: bool) -> None:
        """Say in the journal when the store goes away and when it comes back, not each time it is asked meanwhile."""
        if now != self._answered:
            self._answered = now
            told = journal.tell if now else journal.trouble
            told("capture", "store answers" if now else "store away")


def _note(events: Sequence[Event], new: list[bool]) -> None:
    """Tell the journal what was kept, once for all who shared the transaction; it names them where they are few."""
    ids = [event.id for event, is_new in zip(events, new, strict=True) if is_new]
    if ids:
        few = len(ids) <= journal.TOGETHER
        journal.tell("capture", "store", events=len(ids), ids=ids if few else None)


def _tell(group: list[_Request], answers: Sequence[list[bool] | Exception]) -> None:
    """Wake everybody of a group at once: waking the loop's thread is dearer than what it then does."""
    loop = group[0].answer.get_loop()
    # Where the loop is gone there is nobody left to tell.
    if not loop.is_closed():
        loop.call_soon_threadsafe(_answer, group, answers)


def _answer(group: list[_Request], answers: Sequence[list[bool] | Exception]) -> None:
    for request, answer in zip(group, answers, strict=True):
        if request.answer.done():
            continue
        if isinstance(answer, Exception):
            request.answer.set_exception(answer)
        else:
            request.answer.set_result(answer)
