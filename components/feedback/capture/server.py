"""Lets the capture service listen, in this process, until it is told to stop. Knows nothing of what it serves."""

import gc
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import httpx
import uvicorn

from components import journal
from components.feedback.capture.service import service
from components.records.errors import BadInput
from components.workspace import Workspace

BACKLOG = 2048
GARBAGE = 50_000
"""New objects after which garbage is looked for. A batch makes that many, none of which is garbage yet."""

KEEP_ALIVE_SECONDS = 60
LAST_SECONDS = 15
"""How long requests that are being answered may still take once the service is told to stop."""


def serve(
    workspace: Workspace,
    upstream: httpx.AsyncBaseTransport | None = None,
    ready: Callable[[str], None] = print,
) -> None:
    """Serve until SIGINT or SIGTERM; then take no more, commit what is queued, and end.

    Args:
        workspace: whose capture service it is.
        upstream: answers chats in this process, instead of the endpoint in the settings.
        ready: is told the address, as http://127.0.0.1:8787, as soon as it answers.

    Raises:
        BadInput: the settings are wrong, the port is taken, or the store cannot be opened.
    """
    app = service(workspace, upstream)
    listening = _bound(workspace.settings.capture.host, workspace.settings.capture.port)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_SECONDS,
    )
    server = _Server(config, lambda: ready(_address(listening)))
    with journal.stage("capture", "serve", address=_address(listening)), _seldom_collecting(), _stopping(server):
        server.run(sockets=[listening])


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """What is loaded by now stays: looking through it for garbage again and again would hold every request up."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


@contextmanager
def _stopping(server: uvicorn.Server) -> Iterator[None]:
    """Let a signal stop the server and nothing more: uvicorn raises it again when it has stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_: int, __: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bound(host: str, port: int) -> socket.socket:
    where = f"capture.host = {host}, capture.port = {port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except socket.gaierror:
        raise BadInput("there is no such address", where, "Set capture.host to 127.0.0.1 or 0.0.0.0.") from None
    except OSError as error:
        fix = "Stop what listens there, or set capture.port to another; 0 takes any that is free."
        raise BadInput(f"cannot listen there: {error.strerror}", where, fix) from None
    bound.setblocking(False)
    return bound


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
