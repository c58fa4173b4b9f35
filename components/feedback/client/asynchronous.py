"""The client for asyncio: one task sends, in the event loop that recorded first."""

import asyncio
import time
from types import TracebackType
from typing import Self

import httpx

from components.feedback.client.delivery import LONGEST_PAUSE, Batch
from components.feedback.client.recorder import CANNOT_SEND, Recorder


class AsyncClient(Recorder):
    """Sends interactions and feedback to a heed in the background.

        async with AsyncClient("http://127.0.0.1:8787", key="heed_…") as heed:
            answer = heed.interaction("How do I bake bread?", "Mix flour and water.", user="ada")
            heed.thumb(answer, up=True, user="ada")

    Recording is not awaited, since there is nothing to wait for; otherwise this is `Client`, with a task in the place
    of its thread. Calls from other threads and from code without a loop are taken too, and sent by the task once there
    is one. What an event loop leaves behind when it ends is sent by the next one, or when the interpreter ends.

    Args:
        url: where the service is, as https://heed.example.
        key: one with the scope write, where the service asks for keys.
        timeout: seconds the service may be silent before a request is given up and made again.
        room: bytes of events that may wait; the newest are dropped, and counted, where there is no room.
    """

    def __init__(self, url: str, key: str | None = None, *, timeout: float = 30.0, room: int = 64_000_000) -> None:
        super().__init__(url, key, timeout, room)

    async def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything recorded so far is settled; False where `timeout` seconds are not enough."""
        mark = self._outbox.hurry()
        self._wake()
        try:
            async with asyncio.timeout(timeout):
                # Whichever loop the task is in, and whichever this is.
                while not self._outbox.settled(mark):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            return False
        return True

    async def aclose(self, timeout: float = 5.0) -> None:
        """Send what waits, for at most `timeout` seconds; what is left is dropped, counted and logged."""
        self._closed = True
        self._impatient = True
        await self.flush(timeout)
        if self._task and self._loop is asyncio.get_running_loop():
            self._task.cancel()
            await asyncio.wait([self._task])
        self._give_up()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _begin(self) -> None:
        super()._begin()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._impatient = False

    def _wake(self) -> None:
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        loop = self._loop
        if loop is not None and not loop.is_closed():
            if here is loop:
                self._start_or_tell()
            else:
                loop.call_soon_threadsafe(self._start_or_tell)
        elif here is not None:
            # Events belong to the loop they are first waited for in.
            self._loop, self._task, self._news = here, None, asyncio.Event()
            self._start_or_tell()

    def _start_or_tell(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._send(), name="heed-client")
        self._news.set()

    def _end(self, deadline: float) -> None:
        self._closed = True
        if self._loop and self._loop.is_running():  # in a thread that outlives the main one
            self._impatient = True
            mark = self._outbox.hurry()
            self._wake()
            with self._outbox.changed:
                self._outbox.changed.wait_for(lambda: self._outbox.settled(mark), deadline - time.monotonic())
        else:
            self._task = None
            self._drain(deadline)
        self._give_up()

    async def _send(self) -> None:
        while not self._over:
            try:
                async with httpx.AsyncClient(headers=self.headers, timeout=self.timeout, verify=self._trusted) as http:
                    await self._send_by(http)
            except Exception as error:
                self._complaints.say("sending", CANNOT_SEND, error)
                await self._rest(LONGEST_PAUSE)

    async def _send_by(self, http: httpx.AsyncClient) -> None:
        while not self._over:
            await self._until_due()
            batch = self._delivery.next()
            try:
                await self._post(http, batch)
            except BaseException:
                # A task that is cancelled leaves its lines to whoever sends next.
                self._outbox.put_back(list(batch.open.values()))
                raise
            await self._rest(self._delivery.settle(batch))

    async def _until_due(self) -> None:
        while (wait := self._outbox.due_in()) != 0.0:
            await self._hear_news(wait)

    async def _rest(self, seconds: float) -> None:
        """Pause after a failure. Closing ends one pause, for a last attempt."""
        end = time.monotonic() + seconds
        while not self._impatient and (left := end - time.monotonic()) > 0:
            await self._hear_news(left)
        self._impatient = False

    async def _hear_news(self, seconds: float | None) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass

    async def _post(self, http: httpx.AsyncClient, batch: Batch) -> None:
        try:
            async with http.stream("POST", self.url, content=batch.body) as reply:
                if batch.answered(reply.status_code, reply.headers):
                    async for chunk in reply.aiter_bytes():
                        batch.hear(chunk)
        except Exception as error:
            batch.trouble = f"{self.url} cannot be reached: {error or type(error).__name__}"
