"""Somebody who listens at an address, as a team's channel does, over real HTTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener(ThreadingHTTPServer):
    """Takes what it is told, but refuses the first `refuses` times."""

    def __init__(self, refuses: int) -> None:
        super().__init__(("127.0.0.1", 0), Told)
        self.refuses = refuses
        self.heard: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/secret-token"


class Told(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.refuses -= 1
        taken = self.server.refuses < 0
        if taken:
            self.server.heard.append(body)
        self.send_response(200 if taken else 503)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def listening(refuses: int = 0) -> Iterator[Listener]:
    """A listener that is there until the block ends."""
    server = Listener(refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
