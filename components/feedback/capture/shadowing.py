"""Lets a shadow answer what a user has asked: unseen by anybody, after the user was answered, and only where there is
room. Knows nothing of which model it is, or of what becomes of its answers.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

import httpx

from components.feedback.capture.copying import Copy
from components.feedback.capture.metrics import Metrics

AT_A_TIME = 64
"""Answers of a shadow under way, about as many as a model writes together; what would be one more is left out."""

SHADOW = "heed-shadow"
"""The extension of a reply that says that a shadow would answer too, and of the request that asks it."""

log = logging.getLogger(__name__)


class Shadows:
    """The answers of a shadow that are under way.

    Args:
        client: reaches the endpoint that has the shadow.
        keep: captures an answer.
        metrics: where they are counted.
    """

    def __init__(self, client: httpx.AsyncClient, keep: Callable[[Copy], Awaitable[object]], metrics: Metrics) -> None:
        self.client, self.keep, self.metrics = client, keep, metrics
        self._under_way: set[asyncio.Task[None]] = set()

    def ask(self, request: httpx.Request, copy: Copy) -> None:
        """Let the shadow answer, aside.

        Args:
            request: what the user was answered to, with the extension SHADOW.
            copy: where the shadow's answer goes.
        """
        if len(self._under_way) >= AT_A_TIME:
            self.metrics.shadows.labels("left out").inc()
            return
        task = asyncio.get_running_loop().create_task(self._answer(request, copy))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        """Give up what is under way: nobody waits for it."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _answer(self, request: httpx.Request, copy: Copy) -> None:
        try:
            response = await self.client.send(request, stream=True)
            try:
                async for piece in cast(httpx.AsyncByteStream, response.stream):
                    copy.add(piece)
            finally:
                await response.aclose()
        except Exception:
            log.exception("the shadow did not answer")
            self.metrics.shadows.labels("failed").inc()
            return
        if not response.is_success:
            log.warning("the shadow did not answer: status %d", response.status_code)
            self.metrics.shadows.labels("failed").inc()
            return
        copy.content_type = response.headers.get("content-type", "")
        copy.encoding = response.headers.get("content-encoding", "")
        self.metrics.shadows.labels("answered").inc()
        await self.keep(copy)
