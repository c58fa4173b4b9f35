"""A server that speaks the OpenAI protocol and behaves as a test tells it to, over real HTTP."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What the server does about a request: by default it says a text as a chat completion.

    Attributes:
        text: what the model says.
        refusal: what it says instead, refusing.
        finish: why it ended.
        status: of the HTTP response; above 299 the text is what is wrong.
        headers: of the HTTP response.
        raw: sent as it is in place of a completion.
        hangs: nothing is ever sent.
        cuts: the connection ends in the middle of the response.
    """

    text: str | None = None
    refusal: str | None = None
    finish: str = "stop"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: str | None = None
    hangs: bool = False
    cuts: bool = False

    @property
    def body(self) -> bytes:
        message = {"role": "assistant", "content": self.text, "refusal": self.refusal}
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        said = {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
        told = said if self.status < 300 else {"error": {"message": self.text, "type": "error"}}
        return (json.dumps(told) if self.raw is None else self.raw).encode()


Script = Callable[[Body], Reply | str]


class Scripted(ThreadingHTTPServer):
    """The server; `asked` are the bodies of all requests, `headers` what they came with, in order."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script, self.asked, self.headers = script, [], []
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def close(self) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Scripted

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(body)
        self.server.headers.append(dict(self.headers))
        told = self.server.script(body)
        reply = told if isinstance(told, Reply) else Reply(told)
        if reply.hangs:
            self.server.over.wait()
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[:10] if reply.cuts else reply.body)
        self.close_connection = reply.cuts

    def log_message(self, *_: object) -> None:
        """Nothing: pytest shows what went wrong."""


@pytest.fixture
def serving() -> Iterator[Callable[[Script], Scripted]]:
    """Start a server that answers each request as the script says."""
    servers: list[Scripted] = []

    def start(script: Script) -> Scripted:
        servers.append(Scripted(script))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def reply() -> type[Reply]:
    """What a script may return beside a text."""
    return Reply
