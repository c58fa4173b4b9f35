"""The client for ordinary code: one thread sends, and callers never wait for it."""

import atexit
import threading
import time
from types import TracebackType
from typing import Self

import httpx

from components.feedback.client.delivery import LONGEST_PAUSE, Batch
from components.feedback.client.recorder import CANNOT_SEND, Recorder, end_all, post

atexit.register(end_all)


class Client(Recorder):
    """Sends interactions and feedback to a heed in the background.

        heed = Client("http://127.0.0.1:8787", key="heed_…")
        answer = heed.interaction("How do I bake bread?", "Mix flour and water.", user="ada")
        heed.thumb(answer, up=True, user="ada")

    Calls put the event down and return; nothing they do raises. A thread sends batches, and sends again what was not
    committed; ids make that harmless. What waits when the interpreter ends is sent then, for at most 5 seconds. A
    forked child starts with nothing to send; one that ends by `os._exit`, as those of multiprocessing do, has to
    `flush` first. Safe for any number of threads.

    Args:
        url: where the service is, as https://heed.example.
        key: one with the scope write, where the service asks for keys.
        timeout: seconds the service may be silent before a request is given up and made again.
        room: bytes of events that may wait; the newest are dropped, and counted, where there is no room.
    """

    def __init__(self, url: str, key: str | None = None, *, timeout: float = 30.0, room: int = 64_000_000) -> None:
        super().__init__(url, key, timeout, room)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything recorded so far is settled; False where `timeout` seconds are not enough."""
        mark = self._outbox.hurry()
        with self._outbox.changed:
            return self._outbox.changed.wait_for(lambda: self._outbox.settled(mark), timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Send what waits, for at most `timeout` seconds; what is left is dropped, counted and logged."""
        self._end(time.monotonic() + timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        super()._begin()
        self._thread: threading.Thread | None = None
        self._impatient = False

    def _wake(self) -> None:
        if not self._is_sending():
            with self._lock:
                if not self._is_sending():
                    thread = threading.Thread(target=self._send, name="heed-client", daemon=True)
                    thread.start()
                    self._thread = thread

    def _is_sending(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _end(self, deadline: float) -> None:
        self._closed = True
        self._outbox.hurry()
        with self._outbox.changed:
            self._impatient = True
            self._outbox.changed.notify_all()
        if not self._is_sending():
            self._drain(deadline)
        self.flush(max(0.0, deadline - time.monotonic()))
        self._give_up()

    def _send(self) -> None:
        while not self._over:
            try:
                with httpx.Client(headers=self.headers, timeout=self.timeout, verify=self._trusted) as http:
                    self._send_by(http)
                return
            except Exception as error:
                self._complaints.say("sending", CANNOT_SEND, error)
                self._rest(LONGEST_PAUSE)

    def _send_by(self, http: httpx.Client) -> None:
        while batch := self._next():
            post(http, self.url, batch)
            self._rest(self._delivery.settle(batch))
        self._give_up()

    def _next(self) -> Batch | None:
        """What is due, once something is; None when the client is closed and nothing is left, or no time."""
        with self._outbox.changed:
            while (wait := self._outbox.due_in()) != 0.0 and not self._over:
                if wait is None and self._closed:
                    return None
                self._outbox.changed.wait(wait)
        return None if self._over else self._delivery.next()

    def _rest(self, seconds: float) -> None:
        """Pause after a failure. Closing ends one pause, for a last attempt."""
        with self._outbox.changed:
            self._outbox.changed.wait_for(lambda: self._impatient or self._over, seconds)
            self._impatient = False
