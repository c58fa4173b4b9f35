"""The capture service as a process of its own, and an endpoint behind it that does as it is told."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from components.config import load
from components.workspace import Workspace

SERVE = """
import sys
from tests.components.feedback.capture.serving import workspace
from components.feedback.capture.server import serve
serve(workspace(sys.argv[1], *sys.argv[2:]), ready=lambda address: print(address, flush=True))
"""


def workspace(root: Path | str, *overrides: str) -> Workspace:
    """A workspace whose service takes any free port."""
    return Workspace(Path(root), load(None, environment={}, overrides=("capture.port=0", *overrides)))


@dataclass
class Service:
    """A running service."""

    url: str
    process: subprocess.Popen[str]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal and wait; returns its exit status."""
        self.process.send_signal(how)
        return self.process.wait()


@contextmanager
def serving(root: Path, *overrides: str) -> Iterator[Service]:
    """A service that answers; it is killed at the end if it still runs."""
    command = [sys.executable, "-c", SERVE, str(root), *overrides]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Service(process.stdout.readline().strip(), process)
        finally:
            process.kill()


@dataclass
class Upstream:
    """An endpoint that answers as the test says.

    Attributes:
        url: its address, as capture.upstream has it.
        seen: what it was asked: path, headers (names in lower case) and body.
        go_on: it waits for this between the first piece of a stream and the rest.
        hung_up: is set when whoever asked hung up on it.
    """

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    pieces: list[bytes] = field(default_factory=list)
    breaks_off: bool = False
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)

    def answers(self, *pieces: bytes, status: int = 200, breaks_off: bool = False, **headers: str) -> None:
        """Let it answer with these pieces; with more than one it waits after the first for `go_on`."""
        self.status, self.pieces, self.breaks_off = status, list(pieces), breaks_off
        self.headers = {"content-type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        self.seen.clear()
        self.go_on.clear()
        self.hung_up.clear()


def reply(content: str | None = "Mix flour and water.", **message: Any) -> bytes:
    """A chat completion that came whole."""
    said = {"role": "assistant", "content": content, **message}
    choices = [{"index": 0, "message": said, "finish_reason": "stop"}]
    return json.dumps({"id": "c1", "object": "chat.completion", "model": "far-1", "choices": choices}).encode()


def piece(index: int = 0, **delta: Any) -> bytes:
    """One server-sent event of a streamed chat completion."""
    choices = [{"index": index, "delta": delta, "finish_reason": None}]
    told = {"id": "c1", "object": "chat.completion.chunk", "model": "far-1", "choices": choices}
    return b"data: " + json.dumps(told).encode() + b"\n\n"


@contextmanager
def upstream() -> Iterator[Upstream]:
    """An endpoint on a port of its own."""
    script = Upstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            script.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(script.status)
            for name, value in script.headers.items():
                self.send_header(name, value)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            try:
                self._send(script.pieces)
            except OSError:
                script.hung_up.set()
                self.close_connection = True

        def _send(self, pieces: list[bytes]) -> None:
            for number, part in enumerate(pieces):
                if number == 1:
                    self._wait()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
            if script.breaks_off:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        def _wait(self) -> None:
            """Until the test says so, or nobody listens any more."""
            self.connection.settimeout(0.02)
            while not script.go_on.is_set():
                try:
                    if not self.connection.recv(1):
                        raise OSError("hung up")
                except TimeoutError:
                    continue
            self.connection.settimeout(None)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield script
    script.go_on.set()
    server.shutdown()
    server.server_close()
