"""What went wrong elsewhere is one line that says who it was and what to do."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from components.outages import said


class Refuses(BaseHTTPRequestHandler):
    """As MLflow with its own authentication answers an account that may only look."""

    def do_POST(self) -> None:
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b"Permission denied")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Refuses) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_an_account_that_may_not_is_named_with_what_to_do(server: str, tmp_path: Path) -> None:
    with pytest.raises(MlflowException) as refused:
        MlflowClient(server).create_run("0")
    line = str(said(refused.value, tmp_path))
    assert line.startswith("MLflow does not let this account do that (MLFLOW_TRACKING_USERNAME)")
    assert "Permission denied" not in line


def test_what_is_wrong_for_another_reason_is_not_said_to_be_refused(tmp_path: Path) -> None:
    assert said(MlflowException("no such run"), tmp_path) is None
