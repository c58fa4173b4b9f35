"""A capture service in a process of its own, and a model behind it that answers by a script."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from components.config import Settings
from components.feedback.capture.store import Store
from components.workspace import Workspace

ROOT = Path(__file__).parents[3]
Found = TypeVar("Found")

SERVE = """
import sys
from pathlib import Path
from components.config.loading import load
from components.feedback.capture.server import serve
from components.workspace import Workspace
root, *overrides = sys.argv[1:]
serve(Workspace(Path(root), load(None, {}, overrides)), ready=lambda url: print(url, flush=True))
"""


class Live:
    """A service, and what is in its store."""

    def __init__(self, root: Path, *overrides: str, key: str) -> None:
        self.store = Store(Workspace(root, Settings()).capture_store)
        self.key = self.store.add_key(key, {"write"}) if key else ""
        command = [sys.executable, "-c", SERVE, str(root), "capture.port=0", *overrides]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the service did not start"

    def events(self, **values: object) -> list[dict[str, Any]]:
        """The stored events that have these values, in order."""
        kept = [json.loads(kept.body) for kept in self.store.after(0, 1_000_000)]
        return [event for event in kept if all(event.get(key) == value for key, value in values.items())]

    def wait_for(self, **values: object) -> dict[str, Any]:
        """The one stored event that has these values, as soon as it is there."""
        [event] = until(lambda: self.events(**values))
        return event


def until(look: Callable[[], Found]) -> Found:
    """What `look` finds, as soon as that is something."""
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)
    return found


@contextmanager
def serving(root: Path, *overrides: str, key: str = "") -> Iterator[Live]:
    """A service that ends with the block; with the name of a key, one that asks for it."""
    (root / ".heed").mkdir(parents=True, exist_ok=True)
    live = Live(root, *overrides, key=key)
    try:
        yield live
    finally:
        live.process.kill()
        live.process.wait()
        live.store.close()


class Model(BaseHTTPRequestHandler):
    """Answers the n-th request of a question with its n-th answer, in pieces.

    A question that asks for it fails the first time, or is answered with HTML, or so slowly that it never ends.
    """

    protocol_version = "HTTP/1.1"
    times: ClassVar[Counter[str]] = Counter()
    released = threading.Event()

    def do_GET(self) -> None:
        self._whole(200, {"object": "list", "data": [{"id": "tiny-1"}, {"id": "tiny-2"}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        question = asked["messages"][-1]["content"]
        self.times[question] += 1
        if "fail" in question and self.times[question] == 1:
            self._whole(503, {"error": {"message": "no GPU is free", "type": "server_error", "code": None}})
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in self._pieces(question, len(asked["messages"])):
            delta = {"model": asked.get("model"), "choices": [{"index": 0, "delta": {"content": piece}}]}
            self._chunk(f"data: {json.dumps(delta)}\n\n")
            if "slow" in question:
                self.released.wait()
                self.close_connection = True
                return
        self._chunk("data: [DONE]\n\n")
        self._chunk("")

    def _pieces(self, question: str, messages: int) -> Iterator[str]:
        if "html" in question:
            yield from ("<img src=x onerror=\"document.title='broken'\">", "<script>document.title='broken'</script>")
            return
        yield from (f"Answer **{self.times[question]}** ", f"to message {messages}.\n\n", "- first\n", "- second\n")

    def _whole(self, status: int, said: dict[str, Any]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _chunk(self, text: str) -> None:
        body = text.encode()
        self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class _Quiet(ThreadingHTTPServer):
    """Does not print what it makes of a connection that breaks."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A caller that hangs up is what these tests are about."""


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[str]:
    """An HTTP server in a thread; gives its address."""
    server = _Quiet(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
