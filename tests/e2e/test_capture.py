"""From an application's users to the next dataset version: the service, its keys, collecting, and being forgotten."""

import json
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Heed


class Upstream(BaseHTTPRequestHandler):
    """A model behind an OpenAI-compatible endpoint: asked again with a complaint, it answers better."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = "Mix flour and water." if len(asked["messages"]) == 1 else "Mix flour, water and yeast; bake it."
        choice = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
        body = json.dumps({"id": "1", "object": "chat.completion", "model": "far-1", "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


@pytest.fixture(scope="module")
def heed(heed_in: Callable[[Path], Heed], server: str, tmp_path_factory: pytest.TempPathFactory) -> Heed:
    """A new workspace, which reports to a Prefect server that is up already."""
    root = tmp_path_factory.mktemp("capture") / "captured"
    root.mkdir()
    heed = replace(heed_in(root), api=server)
    heed.json("init")
    return heed


@contextmanager
def serving(heed: Heed, *settings: str) -> Iterator[httpx.Client]:
    """The service as its own process, stopped as a person stops it."""
    overrides = [part for setting in ("capture.port=0", *settings) for part in ("--set", setting)]
    process = heed.start("serve", "--json", *overrides)
    assert process.stdout
    assert process.stderr
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        with httpx.Client(base_url=json.loads(line)["url"], timeout=30) as client:
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert said == "", "it ends without a word"


BREAD = {"role": "user", "content": "How do I bake bread? Write to ada@example.org"}


def test_an_application_that_changes_one_address_is_heard(heed: Heed, upstream: str) -> None:
    def chat(client: httpx.Client, *messages: dict[str, str]) -> httpx.Response:
        body = {"model": "far-1", "messages": list(messages)}
        reply = client.post("/v1/chat/completions", json=body, headers={"heed-user": "ada"})
        assert reply.status_code == 200
        return reply

    with serving(heed, f"capture.upstream={upstream}") as client:
        first = chat(client, BREAD)
        said = first.json()["choices"][0]["message"]
        second = chat(client, BREAD, said, {"role": "user", "content": "No, that's wrong: you forgot the yeast."})
        like = {"interaction": second.headers["heed-interaction"], "kind": "thumb", "score": 1, "user": "ada"}
        assert client.post("/v1/feedback", json=like).status_code == 201

    landing = heed.json("ingest")
    assert (landing["landed"]["interactions"], landing["landed"]["feedback"]) == (2, 2)
    assert landing["landed"]["preferences"] == 1
    pair = read(heed, "preferences")[0]
    assert pair["chosen"][0]["content"] == "Mix flour, water and yeast; bake it."
    assert pair["rejected"][0]["content"] == "Mix flour and water."
    assert pair["prompt"] == [{"role": "user", "content": "How do I bake bread? Write to [email]"}]
    signals = {row["id"]: row for row in read(heed, "signals")}
    events = {row["id"]: row for row in read(heed, "feedback")}
    kinds = {events[signals[name]["feedback"]]["kind"] for name in pair["provenance"]}
    assert kinds == {"followup", "thumb"}
    assert sum(heed.json("ingest")["landed"].values()) == 0


def read(heed: Heed, kind: str) -> list[dict[str, Any]]:
    import polars as pl

    return pl.concat([pl.read_parquet(file) for file in sorted(heed.root.glob(f"data/*/{kind}.parquet"))]).to_dicts()


def test_keys_open_the_service_and_revoked_ones_do_not(heed: Heed, upstream: str) -> None:
    key = heed.json("keys", "add", "web-app")["key"]
    with serving(heed, f"capture.upstream={upstream}") as client:
        thumb = {"interaction": "later", "kind": "thumb", "score": 1}
        assert client.post("/v1/feedback", json=thumb).status_code == 401
        keyed = client.post("/v1/feedback", json=thumb, headers={"authorization": f"Bearer {key}"})
        assert keyed.status_code == 201
        assert client.get("/v1/feedback?interaction=later", headers={"heed-key": key}).status_code == 403
    heed.json("keys", "revoke", "web-app")
    assert heed.json("keys", "list")["keys"] == [{"name": "web-app", "scopes": ["write"], "revoked": True}]
    refused = heed.run("keys", "revoke", "nobody")
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (2, 1)
    database = b"".join(path.read_bytes() for path in (heed.root / ".heed").glob("capture.db*"))
    assert key.encode() not in database


def test_a_forgotten_user_is_in_no_store_and_the_versions_that_hold_them_are_named(heed: Heed) -> None:
    before = heed.json("status")["dataset"]["hash"]
    done = heed.json("forget", "ada")
    assert done["captured"] == 3
    assert done["removed"]["interactions"] == 2
    assert [earlier["hash"] for earlier in done["earlier"]] == [before]
    assert done["dataset"]["hash"] != before
    assert not list(heed.root.glob("data/*"))
    with sqlite3.connect(heed.root / ".heed" / "capture.db") as db:
        assert db.execute("select count(*) from heed_events where user is not null").fetchone() == (0,)
    landed = heed.json("ingest")["landed"]
    assert (landed["interactions"], landed["feedback"]) == (0, 1)  # the thumb that nobody in particular left


def test_what_was_captured_before_a_kill_is_collected_after_it(heed: Heed, upstream: str) -> None:
    overrides = ["--set", "capture.port=0", "--set", f"capture.upstream={upstream}"]
    process = heed.start("serve", "--json", *overrides)
    assert process.stdout
    url = json.loads(process.stdout.readline())["url"]
    key = heed.json("keys", "add", "second")["key"]
    event = {"prompt": "Still there?", "response": "Yes."}
    assert httpx.post(f"{url}/v1/interactions", json=event, headers={"heed-key": key}).status_code == 201
    process.kill()
    process.communicate()
    assert heed.json("ingest")["landed"]["interactions"] == 1
