"""The pass-through: requests to the endpoint behind the service, and its replies back, as they are; a copy is captured.

Knows nothing of what is said in them. Nothing that becomes of the copy can cost the caller the reply.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import anyio
import httpx
from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from components import journal
from components.config.settings import Capture
from components.feedback.capture import chat
from components.feedback.capture.access import is_heeds_own
from components.feedback.capture.copying import USER, Copy, header
from components.feedback.capture.events import Unfit
from components.feedback.capture.intake import Intake, Taken
from components.feedback.capture.metrics import Metrics
from components.feedback.capture.refusals import answer_with
from components.feedback.capture.shadowing import SHADOW, Shadows
from components.feedback.capture.spool import Spool, SpoolFull
from components.feedback.capture.store import StoreDown
from components.feedback.capture.writer import Writer
from components.records.errors import BadInput

IN_PROCESS = "http://champion/v1"
TIMEOUT = httpx.Timeout(connect=10, read=600, write=60, pool=None)
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100)
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
NOT_PASSED_ON = HOP_BY_HOP | {"host", "content-length", "expect", "cookie", "accept-encoding"}
HEEDS_OWN = "heed-"
NOT_PASSED_BACK = HOP_BY_HOP | {"date"}  # the server that sends it sets the date

log = logging.getLogger(__name__)


class Passthrough:
    """What stands between callers and the endpoint.

    Args:
        settings: the endpoint's address and key.
        transport: an endpoint in this process; wins over the settings.
        intake: makes events of what was said.
        writer: keeps them.
        spool: where they wait while the store does not answer.
        metrics: where they are counted.

    Raises:
        BadInput: the address is none.
    """

    def __init__(
        self,
        settings: Capture,
        transport: httpx.AsyncBaseTransport | None,
        intake: Intake,
        writer: Writer,
        spool: Spool,
        metrics: Metrics,
    ) -> None:
        self.base = (IN_PROCESS if transport else settings.upstream).rstrip("/")
        self.key = settings.upstream_key.get_secret_value()
        self.intake, self.writer, self.spool, self.metrics = intake, writer, spool, metrics
        if self.base and not self.base.startswith(("http://", "https://")):
            raise BadInput(
                "this is not the address of an endpoint", f"capture.upstream = {self.base}", "Write it as https://…/v1."
            )
        self.client = httpx.AsyncClient(transport=transport, timeout=TIMEOUT, limits=LIMITS)
        self.client.headers.clear()  # what the caller does not send is not sent
        self.shadows = Shadows(self.client, self._keep, metrics)
        self._keeping: set[asyncio.Task[None]] = set()

    def relay(self, request: Request, body: bytes, path: str, capture: bool) -> "Relay":
        """The answer that passes a request on, and its reply back.

        Args:
            request: who asks, and with which headers.
            body: what they send.
            path: where to, below the endpoint's address.
            capture: whether a copy is kept.
        """
        copy = Copy(_id(request.headers), request.headers, body, datetime.now(UTC)) if capture else None
        return Relay(self, request, body, path, copy)

    def keep(self, copy: Copy, for_shadow: httpx.Request | None) -> None:
        """Capture what was said, aside.

        Args:
            copy: of it.
            for_shadow: what a shadow is asked next; None where there is none for this user.
        """
        task = asyncio.get_running_loop().create_task(self._keep_and_shadow(copy, for_shadow))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def close(self) -> None:
        """Capture what is still to be captured, then let go of the endpoint."""
        while self._keeping:
            await asyncio.wait(self._keeping)
        await self.shadows.close()
        await self.client.aclose()

    async def _keep_and_shadow(self, copy: Copy, for_shadow: httpx.Request | None) -> None:
        # An answer that is not kept would have nothing beside it, so the shadow comes after.
        if await self._keep(copy) and for_shadow:
            self.shadows.ask(for_shadow, copy.of_a_shadow())

    async def _keep(self, copy: Copy) -> bool:
        """Whether it is kept, and was not before."""
        try:
            return await self._stored(await asyncio.to_thread(copy.event, self.intake))
        except chat.Unsaid as unsaid:
            self.metrics.unkept.labels(unsaid.reason).inc()
        except Unfit as unfit:
            log.warning("an interaction of the pass-through could not be captured: %s", unfit.what)
            self.metrics.unkept.labels("refused").inc()
        except SpoolFull as full:
            log.error("an interaction of the pass-through is lost: %s", full)
            journal.trouble("capture", "lose", ids=[copy.id], because="the spool is full")
            self.metrics.unkept.labels("spool full").inc()
        except Exception:
            log.exception("an interaction of the pass-through is lost")
            self.metrics.unkept.labels("unforeseen").inc()
        return False

    async def _stored(self, taken: Taken) -> bool:
        try:
            [new] = await self.writer.commit([taken.event])
            status = "stored" if new else "duplicate"
        except StoreDown:
            await asyncio.to_thread(self.spool.append, [taken.event])
            status = "spooled"
            journal.tell("capture", "spool", ids=[taken.event.id])
        self.metrics.events(taken.event.type, status)
        if status != "duplicate":
            self.metrics.masked(taken.masked)
        return status != "duplicate"


@dataclass(frozen=True)
class Relay(Response):
    """One request passed on, and its reply passed back while it comes."""

    through: Passthrough
    request: Request
    content: bytes
    path: str
    copy: Copy | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_hung_up, receive, tasks.cancel_scope)
            await self._relay(scope, receive, send)
            tasks.cancel_scope.cancel()

    async def _relay(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = self.through.metrics.upstream
        if not self.through.base:
            await _no_upstream()(scope, receive, send)
            return
        try:
            response = await self.through.client.send(self._passed_on(), stream=True)
        except httpx.TimeoutException:
            answered.labels("none").inc()
            await _failed(504, "did not answer in time", "upstream_timeout")(scope, receive, send)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            answered.labels("none").inc()
            log.warning("the upstream did not answer: %s: %s", type(error).__name__, error)
            await _failed(502, "did not answer", "upstream_unreachable")(scope, receive, send)
        else:
            answered.labels(str(response.status_code)).inc()
            await self._pass_back(response, send)

    def _passed_on(self, to_shadow: bool = False) -> httpx.Request:
        headers = [
            (name, value)
            for name, value in self.request.headers.raw
            if _goes(name.decode("latin-1"), NOT_PASSED_ON, self.request.headers)
            and not (name == b"authorization" and is_heeds_own(value.decode("latin-1")))
        ]
        if self.through.key:
            headers = [(name, value) for name, value in headers if name != b"authorization"]
            headers.append((b"authorization", f"Bearer {self.through.key}".encode()))
        # The copy of a reply in an encoding unknown here could not be read.
        headers.append((b"accept-encoding", _readable(self.request.headers.get("accept-encoding", "")).encode()))
        query = f"?{self.request.url.query}" if self.request.url.query else ""
        return self.through.client.build_request(
            self.request.method,
            f"{self.through.base}{self.path}{query}",
            headers=headers,
            content=self.content if self.request.method == "POST" else None,
            extensions={USER: header(self.request.headers, USER), SHADOW: to_shadow},
        )

    async def _pass_back(self, response: httpx.Response, send: Send) -> None:
        copy, for_shadow = self.copy if response.is_success else None, None
        if copy:
            copy.content_type = response.headers.get("content-type", "")
            copy.encoding = response.headers.get("content-encoding", "")
        try:
            await send(_start(response, copy))
            # The stream itself, because a transport in this process may hand over a reply that was read already.
            async for piece in cast(httpx.AsyncByteStream, response.stream):
                if copy:
                    copy.add(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if response.extensions.get(SHADOW):
                for_shadow = self._passed_on(to_shadow=True)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except httpx.HTTPError as error:
            # Returning now closes the connection: the caller sees the reply break off, as it did.
            log.warning("the upstream broke off its reply: %s: %s", type(error).__name__, error)
            self.through.metrics.upstream.labels("broken off").inc()
        finally:
            if copy:
                self.through.keep(copy, for_shadow)
            with anyio.CancelScope(shield=True):
                await response.aclose()


async def _until_hung_up(receive: Receive, relay: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    relay.cancel()


def _start(response: httpx.Response, copy: Copy | None) -> Message:
    headers = [
        (name.lower(), value)
        for name, value in response.headers.raw
        if _goes(name.decode("latin-1").lower(), NOT_PASSED_BACK, response.headers)
        # Who may read a reply of this service is for its own settings to say.
        and not name.lower().startswith(b"access-control-")
    ]
    if copy:
        headers.append((b"heed-interaction", copy.id.encode("latin-1")))
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}


def _goes(name: str, withheld: frozenset[str], headers: Mapping[str, str]) -> bool:
    named = [part.strip().lower() for part in headers.get("connection", "").split(",")]
    return name not in withheld and name not in named and not name.startswith(HEEDS_OWN)


def _readable(accepted: str) -> str:
    kept = [part for part in accepted.split(",") if part.split(";")[0].strip().lower() in chat.READABLE_ENCODINGS]
    return ",".join(kept).strip() or "identity"


def _id(headers: Headers) -> str:
    """The id the caller chose, where it is one that can stand in the reply's header; else a new one."""
    chosen = headers.get("heed-interaction", "").strip()
    return chosen if 0 < len(chosen) <= 200 and chosen.isascii() and chosen.isprintable() else os.urandom(16).hex()


def _failed(status: int, what: str, code: str) -> Response:
    message = f"The upstream {what}. heed passed your request on to the address in capture.upstream."
    return answer_with({"error": {"message": message, "type": "upstream_error", "param": None, "code": code}}, status)


def _no_upstream() -> Response:
    message = "There is no model behind this service. Set capture.upstream to the address of one, as https://…/v1."
    return answer_with(
        {"error": {"message": message, "type": "upstream_error", "param": None, "code": "no_upstream"}}, 503
    )
