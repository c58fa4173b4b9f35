"""A server that goes away: one clear line, for whoever retrains, for the team, and in the journal."""

import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Heed

NOBODY = "http://127.0.0.1:9"


def test_a_tracking_server_that_is_away_is_one_line_for_everybody_who_has_to_know(
    heed_in: Callable[[Path], Heed], server: str, tmp_path: Path
) -> None:
    told: list[bytes] = []

    class Team(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    team = HTTPServer(("127.0.0.1", 0), Team)
    threading.Thread(target=team.serve_forever, daemon=True).start()
    (tmp_path / "cut off").mkdir()
    webhook = f"http://127.0.0.1:{team.server_port}"
    # MLflow's own patience is some minutes, in which a server may be started again without anybody's noticing.
    impatient = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "HEED_NOTIFY_WEBHOOK": webhook}
    heed = replace(heed_in(tmp_path / "cut off"), api=server, told=impatient)
    heed.json("init")
    failed = heed.run("retrain", "--set", f"mlflow.tracking_uri={NOBODY}")
    assert failed.returncode == 2, failed.stderr
    [line] = failed.stderr.strip().splitlines()
    assert "MLflow's server does not answer" in line
    assert "run it again" in line
    assert b"MLflow's server does not answer" in told[0]
    journal = (heed.root / ".heed" / "logs" / "terminal.jsonl").read_text()
    assert "MLflow's server does not answer" in journal
    team.shutdown()
