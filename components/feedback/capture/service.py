"""The capture service as an application: which address does what. Knows nothing of how any of it is done.

The routes answer requests themselves, without FastAPI's reading of parameters, which costs more than the rest of an
event's way to the store; FastAPI routes, and describes them.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from components.feedback.capture import description, refusals
from components.feedback.capture.access import EITHER, READ, WRITE, Access
from components.feedback.capture.batch import Batch
from components.feedback.capture.beside import Beside
from components.feedback.capture.bodies import body_of, require, too_long
from components.feedback.capture.events import FEEDBACK, INTERACTION, Form, Unfit
from components.feedback.capture.intake import Intake, Taken
from components.feedback.capture.metrics import Metrics
from components.feedback.capture.passthrough import Passthrough
from components.feedback.capture.refusals import Refused, answer_with
from components.feedback.capture.spool import Spool, SpoolFull, catch_up
from components.feedback.capture.store import Store, StoreDown
from components.feedback.capture.users import secret_of
from components.feedback.capture.writer import Writer
from components.pages import LOOK, filled
from components.workspace import Workspace

PAGE = Path(__file__).parent / "page"
PAGE_FILES = (".js", ".css")
FILES = StaticFiles(directory=PAGE)
PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect")),
        "img-src 'self' data:",
        *(f"{kind} 'none'" for kind in ("base-uri", "form-action", "frame-ancestors")),
    )
)
PAGE_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": PAGE_POLICY,
    "cross-origin-resource-policy": "cross-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
CORS_HEADERS = ("authorization", "content-type", "heed-group", "heed-interaction", "heed-key", "heed-user")

FORMS = {"interaction": INTERACTION, "feedback": FEEDBACK}

QUICK_BYTES = 16_384
"""A body up to here is checked and masked where it arrives; a longer one aside, so that nobody waits for it."""

THREADS_ASIDE = 4
"""They keep the processes beside busy. More would only keep whoever answers requests waiting for the interpreter."""


log = logging.getLogger(__name__)


def service(workspace: Workspace, upstream: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """The capture service of a workspace.

    Args:
        workspace: its settings say where events are kept and where chats are passed on to.
        upstream: answers chats in this process, instead of the endpoint in the settings.

    Raises:
        BadInput: the settings are wrong, the store cannot be opened, or it would listen to others without a key.
    """
    does = _Service(workspace, upstream)
    app = FastAPI(title="heed", version="1", docs_url=None, redoc_url=None, openapi_url=None, lifespan=does.running)
    app.router.route_class = _Direct
    refusals.install(app)
    for method, path, endpoint in (
        ("POST", "/v1/interactions", does.interaction),
        ("POST", "/v1/feedback", does.feedback),
        ("POST", "/v1/batch", does.batch),
        ("GET", "/v1/interactions/{id:path}", does.stored),
        ("GET", "/v1/feedback", does.feedback_about),
        ("POST", "/v1/chat/completions", does.chat),
        ("GET", "/v1/models", does.models),
        ("GET", "/healthz", does.health),
        ("GET", "/readyz", does.ready),
        ("GET", "/metrics", does.measured),
    ):
        app.add_api_route(path, endpoint, methods=[method], **description.of(method, path))
    app.openapi = lambda: description.whole(app)  # type: ignore[method-assign]
    app.add_api_route("/openapi.json", does.described(app), include_in_schema=False)
    app.add_api_route("/docs", does.docs, include_in_schema=False)
    app.add_api_route("/", _index(), include_in_schema=False)
    for file in (LOOK, *sorted(PAGE.iterdir())):
        if file.suffix in PAGE_FILES:
            app.add_api_route(f"/{file.name}", _static(file), include_in_schema=False)
    if workspace.settings.capture.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=workspace.settings.capture.cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=CORS_HEADERS,
            expose_headers=("heed-interaction", "retry-after"),
        )
    app.add_middleware(_Timed, metrics=does.metrics)
    return app


class _Direct(APIRoute):
    """A route whose endpoint answers the request itself."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


class _Service:
    """What the service does at each address."""

    def __init__(self, workspace: Workspace, upstream: httpx.AsyncBaseTransport | None) -> None:
        self.limits = workspace.settings.capture
        workspace.state.mkdir(parents=True, exist_ok=True)
        self.store = Store(workspace.capture_store)
        self.access = Access(self.store, self.limits.host, self.limits.requests_per_second)
        self.metrics = Metrics()
        secret = secret_of(workspace)
        self.intake = Intake(secret)
        self.beside = Beside(self.intake, secret)
        self.writer = Writer(self.store)
        self.aside = ThreadPoolExecutor(THREADS_ASIDE, "heed-intake")
        self.spool = Spool(workspace.spool)
        self.through = Passthrough(self.limits, upstream, self.intake, self.writer, self.spool, self.metrics)
        self.metrics.watch(lambda: self.writer.waiting, lambda: self.spool.size)

    @asynccontextmanager
    async def running(self, _: FastAPI) -> AsyncIterator[None]:
        """Catches up with the spool while the service runs, and leaves nothing unwritten behind when it ends."""
        catching_up = asyncio.create_task(catch_up(self.spool, self.writer.commit))
        yield
        catching_up.cancel()
        await self.through.close()
        self.beside.close()
        self.aside.shutdown(wait=False)
        await asyncio.to_thread(self.writer.close)
        self.spool.close()
        self.store.close()

    async def interaction(self, request: Request) -> Response:
        """Take in an interaction."""
        return await self._one(request, "interaction")

    async def feedback(self, request: Request) -> Response:
        """Take in a piece of feedback."""
        return await self._one(request, "feedback")

    async def _one(self, request: Request, type: str) -> Response:
        await self.access.admit(request, WRITE)
        require(request, "application/json")
        body = await body_of(request, self.limits.body_bytes, "capture.body_bytes")
        form = FORMS[type]
        try:
            taken = await self._taken(body, form)
        except Unfit:
            self.metrics.events(type, "refused")
            raise
        try:
            [new] = await self.writer.commit([taken.event])
        except StoreDown:
            self.metrics.events(type, "failed")
            raise
        status = "stored" if new else "duplicate"
        self.metrics.events(type, status)
        if new:
            self.metrics.masked(taken.masked)
        receipt = {"id": taken.event.id, "status": status, "masked": sum(taken.masked.values())}
        return answer_with(receipt, 201 if new else 200)

    async def _taken(self, body: bytes, form: Form) -> Taken:
        if len(body) <= QUICK_BYTES:
            return self.intake.take(body, form)
        return await asyncio.get_running_loop().run_in_executor(self.aside, self.intake.take, body, form)

    async def batch(self, request: Request) -> Response:
        """Take in a batch."""
        await self.access.admit(request, WRITE)
        require(request, "application/x-ndjson")
        if int(request.headers.get("content-length", "0")) > self.limits.batch_bytes:
            raise too_long(self.limits.batch_bytes, "capture.batch_bytes")
        return Batch(
            await _begun(request),
            self.limits.batch_bytes,
            self.limits.body_bytes,
            self.beside,
            self.aside,
            self.writer,
            self.metrics,
        )

    async def stored(self, request: Request) -> Response:
        """An interaction as it is kept."""
        await self.access.admit(request, READ)
        id = request.path_params["id"]
        body = await asyncio.to_thread(self.store.event, id)
        if body is None or not body.startswith(b'{"type":"interaction"'):
            raise Refused(404, "there is no interaction of this id", "id", "It may not have come yet.")
        return Response(body, media_type="application/json")

    async def feedback_about(self, request: Request) -> Response:
        """The feedback about an interaction."""
        await self.access.admit(request, READ)
        id = request.query_params.get("interaction", "")
        if not id:
            raise Refused(
                400, "which interaction the feedback is about is not said", "interaction", "Add ?interaction=ID."
            )
        bodies = await asyncio.to_thread(self.store.about, id)
        return Response(b'{"feedback":[' + b",".join(bodies) + b"]}", media_type="application/json")

    async def chat(self, request: Request) -> Response:
        """Pass a chat on."""
        await self.access.admit(request, WRITE)
        body = await body_of(request, self.limits.body_bytes, "capture.body_bytes")
        return self.through.relay(request, body, "/chat/completions", capture=True)

    async def models(self, request: Request) -> Response:
        """Pass the question on which models there are."""
        await self.access.admit(request, EITHER)
        return self.through.relay(request, b"", "/models", capture=False)

    async def health(self, _: Request) -> Response:
        """Whether the process lives."""
        return answer_with({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        """Whether events can be kept."""
        try:
            await asyncio.to_thread(self.store.check)
            self.metrics.store_up.set(1)
            await asyncio.to_thread(self.spool.check)
        except StoreDown as down:
            self.metrics.store_up.set(0)
            log.warning("the store does not answer: %s", down)
            raise refusals.not_stored() from None
        except SpoolFull as full:
            raise Refused(503, f"the spool takes no more: {full}", "spool", "Make room on the disk.") from None
        return answer_with({"status": "ready"})

    async def measured(self, request: Request) -> Response:
        """What is counted."""
        await self.access.admit(request, READ)
        return Response(self.metrics.page(), media_type=CONTENT_TYPE_LATEST)

    def described(self, app: FastAPI) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint of an application's description."""

        async def openapi(request: Request) -> Response:
            await self.access.admit(request, READ)
            return answer_with(app.openapi())

        return openapi

    async def docs(self, request: Request) -> Response:
        """The description for people."""
        await self.access.admit(request, READ)
        return get_swagger_ui_html(openapi_url="/openapi.json", title="heed")


async def _begun(request: Request) -> AsyncIterator[bytes]:
    """The body as a stream, once it is known to have something in it."""
    stream = request.stream()
    first = await anext(stream, b"")
    if not first:
        raise Refused(400, "the body is empty", "body", "Send one event a line.")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in stream:
            yield piece

    return whole()


def _index() -> Callable[[Request], Coroutine[Any, Any, Response]]:
    html = filled(PAGE / "index.html")

    async def index(_: Request) -> Response:
        return HTMLResponse(html, headers=PAGE_HEADERS)

    return index


def _static(file: Path) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def page(request: Request) -> Response:
        response = FILES.file_response(file, file.stat(), request.scope)
        response.headers.update(PAGE_HEADERS)
        return response

    return page


class _Timed:
    """Measures how long each request takes until its answer is sent whole."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            route = getattr(scope.get("route"), "path_format", "none")
            self._metrics.seconds.labels(route, status).observe(time.perf_counter() - began)
