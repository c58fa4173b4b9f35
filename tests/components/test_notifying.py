"""A team hears what became of a retraining, and a listener that is away stops nothing."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.config import load
from components.notifying import notify
from components.workspace import Workspace


class Listener(ThreadingHTTPServer):
    """Takes what it is told, but refuses the first `refuses` times."""

    def __init__(self, refuses: int) -> None:
        super().__init__(("127.0.0.1", 0), Told)
        self.refuses = refuses
        self.heard: list[dict[str, Any]] = []


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


@pytest.fixture
def listener(request: pytest.FixtureRequest) -> Iterator[Listener]:
    server = Listener(request.param)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def workspace(address: str) -> Workspace:
    return Workspace(Path("/somewhere/support-bot"), load(overrides=[f"notify.webhook={address}"]))


@pytest.mark.parametrize("listener", [0, 2], indirect=True)
def test_a_listener_hears_it_once_also_where_it_was_away_for_a_moment(listener: Listener) -> None:
    address = f"http://127.0.0.1:{listener.server_port}/hook"
    assert notify(workspace(address), "promoted", "it wins 61%", {"challenger": 7})
    [heard] = listener.heard
    assert heard["text"] == "heed, support-bot: a retraining was promoted. it wins 61%"
    assert (heard["outcome"], heard["challenger"]) == ("promoted", 7)


@pytest.mark.parametrize("listener", [99], indirect=True)
def test_who_does_not_listen_stops_nothing(listener: Listener, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"http://127.0.0.1:{listener.server_port}/secret-token"
    assert not notify(workspace(address), "failed", "no disk", {})
    said = capsys.readouterr().err
    assert "HTTP 503" in said
    assert "secret-token" not in said
    assert not notify(workspace("http://127.0.0.1:9/"), "failed", "no disk", {})
    assert not notify(workspace(""), "failed", "no disk", {})
