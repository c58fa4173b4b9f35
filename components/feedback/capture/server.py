"""Lets the capture service listen, in this process, until it is told to stop. Knows nothing of what it serves."""

import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from components import journal
from components.feedback.capture.service import service
from components.records.errors import BadInput
from components.services.listening import Server, address, bound, stopping
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
    server = Server(config, lambda: ready(address(listening)))
    with journal.stage("capture", "serve", address=address(listening)), _seldom_collecting(), stopping(server):
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


def _bound(host: str, port: int) -> socket.socket:
    where = f"capture.host = {host}, capture.port = {port}"
    try:
        return bound(host, port, BACKLOG)
    except socket.gaierror:
        raise BadInput("there is no such address", where, "Set capture.host to 127.0.0.1 or 0.0.0.0.") from None
    except OSError as error:
        fix = "Stop what listens there, or set capture.port to another; 0 takes any that is free."
        raise BadInput(f"cannot listen there: {error.strerror}", where, fix) from None
