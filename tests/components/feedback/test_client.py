"""The Python client, before a real service and store, and a front that misbehaves."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar, get_args

import httpx
import pytest

from components.feedback.client import AsyncClient, Client, Kind, delivery
from components.feedback.client.delivery import Complaints, Delivery
from components.feedback.client.outbox import Outbox
from components.records.schemas import FEEDBACK_KINDS
from tests.components.feedback.live import ROOT, Live, listening, serving, until


class Front(BaseHTTPRequestHandler):
    """Stands before the service and lets batches through, but for what its moods make of the next ones."""

    behind: ClassVar[str]
    moods: ClassVar[deque[str]] = deque()
    came: ClassVar[threading.Event] = threading.Event()
    released: ClassVar[threading.Event] = threading.Event()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        mood = self.moods.popleft() if self.moods else "good"
        if b"poison!" in body:
            mood = "too large"
        self.came.set()
        if mood == "hang":
            self.released.wait()
        if mood in ("busy", "too large"):
            self._answer(503 if mood == "busy" else 413, b"")
        elif mood == "store down":
            lines = range(1, body.count(b"\n") + 1)
            self._answer(200, b"".join(json.dumps({"line": i, "status": "failed"}).encode() + b"\n" for i in lines))
        elif mood != "shut":
            headers = {name: self.headers[name] for name in ("content-type", "authorization")}
            reply = httpx.post(f"{self.behind}{self.path}", content=body, headers=headers).content
            if mood != "lost":
                self._answer(200, reply, len(reply) // 2 if mood == "half" else None)

    def _answer(self, status: int, body: bytes, cut: int | None = None) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(body[:cut])

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("client"), key="application") as live:
        yield live


@pytest.fixture(scope="module")
def key(live: Live) -> str:
    return live.key


@pytest.fixture
def front(live: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(delivery, "FIRST_PAUSE", 0.01)
    Front.behind = live.url
    Front.moods.clear()
    Front.came.clear()
    Front.released.clear()
    with listening(Front) as url:
        yield url
        Front.released.set()


def sources(live: Live) -> Counter[str]:
    """How many stored events there are of each source; tests name their events so."""
    return Counter(event.get("source") for event in live.events())


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, env=environment, cwd=Path.home(), capture_output=True, text=True, check=False)


def test_what_is_recorded_is_what_is_stored(live: Live, key: str) -> None:
    when = datetime(2026, 1, 31, 12, tzinfo=UTC)
    talk = [{"role": "user", "content": "Wie backe ich Brot? 🍞 \ud83c"}, {"role": "assistant", "content": "Womit?"}]
    with Client(f"{live.url}/", key) as client:
        first = client.interaction(
            "Q?", "A.", model="tiny/1", user="ada", group="g", language="en", source="s", created_at=when
        )
        second = client.interaction(
            [*talk, {"role": "user", "content": "Mehl"}], [{"role": "assistant", "content": "So."}]
        )
        client.thumb(first, up=False, user="ada")
        client.feedback(first, "choice", other=second)
        client.feedback(first, "rating", score=0.25, aspect="helpfulness", id="mine")
        assert client.flush(10)
        assert client.stats.stored == 5
    stored = {event["id"]: event for event in live.events()}
    one = stored[first]
    assert {len(first), len(second)} == {32}
    assert (one["prompt"], one["response"], one["model"], one["group"]) == ("Q?", "A.", "tiny/1", "g")
    assert (one["language"], one["source"], one["created_at"]) == ("en", "s", when.isoformat())
    assert stored[second]["prompt"][0]["content"] == "Wie backe ich Brot? 🍞 ?"
    assert stored["mine"]["aspect"] == "helpfulness"
    thumb, choice, _ = live.events(interaction=first)
    assert (thumb["score"], thumb["user"], choice["other"]) == (-1, one["user"], second)
    assert "created_at" in thumb


MOODS = ("busy", "shut", "lost", "store down", "half", "half")


def test_everything_arrives_once_whatever_stands_between(live: Live, key: str, front: str) -> None:
    Front.moods.extend(MOODS)
    with Client(front, key) as client:

        def record(part: int) -> None:
            for i in range(200):
                client.interaction(f"question {i}", "answer", source=f"rough {part}")

        threads = [threading.Thread(target=record, args=(part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.flush(20)
        stats = client.stats
    assert [sources(live)[f"rough {part}"] for part in range(4)] == [200] * 4
    assert stats.stored + stats.duplicate == 800
    assert stats.duplicate > 0  # what was taken when the reply was lost
    assert stats.retries >= len(MOODS)
    assert (stats.waiting, stats.waiting_bytes, stats.refused, stats.dropped) == (0, 0, 0, 0)


def test_everything_arrives_once_from_asyncio_too(live: Live, key: str, front: str) -> None:
    Front.moods.extend(MOODS)

    async def application() -> None:
        async with AsyncClient(front, key) as client:
            for i in range(400):
                client.interaction(f"question {i}", "answer", source="async")
            thread = threading.Thread(target=lambda: client.interaction("?", "!", source="async thread"))
            thread.start()
            assert await client.flush(20)
            await asyncio.to_thread(thread.join)
            assert await client.flush(20)
            assert (client.stats.stored + client.stats.duplicate, client.stats.waiting) == (401, 0)
            assert client.stats.duplicate > 0
            client.interaction("last", "answer", source="async")  # closing sends it

    asyncio.run(application())
    assert (sources(live)["async"], sources(live)["async thread"]) == (401, 1)


def test_callers_do_not_wait_for_a_service_that_hangs(live: Live, key: str, front: str) -> None:
    Front.moods.append("hang")
    with Client(front, key) as client:
        client.interaction("first", "answer", source="hang")
        assert Front.came.wait(20)
        for _ in range(1000):
            client.interaction("q", "a", source="hang")
        # All of them came back, and the service has not said a word yet.
        assert (client.stats.stored, client.stats.waiting) == (0, 1001)
        assert not client.flush(0.01)
        Front.released.set()
        assert client.flush(20)
    assert sources(live)["hang"] == 1001


def test_a_request_that_hangs_is_given_up_and_made_again(live: Live, key: str, front: str) -> None:
    Front.moods.append("hang")
    with Client(front, key, timeout=0.5) as client:
        client.interaction("q", "a", source="given up")
        assert client.flush(20)
        assert client.stats.retries >= 1
    Front.released.set()
    until(lambda: sources(live)["given up"])
    assert sources(live)["given up"] == 1


def test_without_a_service_the_newest_are_dropped_and_the_others_arrive_once_there_is_one(
    live: Live, key: str, front: str, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(Front) as gone:
        pass  # an address where nobody listens any more
    with Client(gone, key, room=10_000) as client:
        for _ in range(200):
            client.interaction("question " * 10, "answer", source="room")
        kept = client.stats.waiting
        assert 20 < kept < 80
        assert client.stats.dropped == 200 - kept
        assert client.stats.waiting_bytes <= 10_000
        until(lambda: client.stats.retries >= 2)
        with listening(Front, int(gone.rsplit(":", 1)[1])):
            assert client.flush(20)
    assert sources(live)["room"] == kept
    said = [record.getMessage() for record in caplog.records if record.name == "heed.client"]
    assert len([it for it in said if "drops events: too much is waiting" in it]) == 1
    assert len([it for it in said if "cannot be reached" in it]) == 1


def test_mistakes_and_refusals_are_logged_and_counted_and_harm_nothing_else(
    live: Live, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "heed.client")
    with Client(live.url, key) as client:
        client.feedback("x", "applause", source="mixed")  # type: ignore[arg-type]
        client.feedback("x", "thumb", score=0.5, source="mixed")
        client.feedback("x", "edit", source="mixed")
        client.feedback("x", "rating", score=float("nan"), source="mixed")
        client.interaction({"no": object()}, "answer", source="mixed")  # type: ignore[arg-type]
        client.interaction("", "answer", source="mixed")
        client.feedback("x", "thumb", score=1, id="i" * 201, source="mixed")
        client.interaction([{"role": "wizard", "content": "q"}], "answer", source="mixed")
        client.thumb("x", up=True)
        client.feedback("x", "copy", source="mixed")
        assert client.flush(20)
        assert (client.stats.mistaken, client.stats.refused, client.stats.stored) == (6, 2, 2)
    client.feedback("x", "copy", source="mixed")
    assert client.stats.dropped == 1
    assert sources(live)["mixed"] == 1
    assert "kind is 'applause', must be one of thumb, rating" in caplog.text
    assert "wizard" in caplog.text


def test_one_event_too_many_for_the_way_there_does_not_hold_up_the_others(live: Live, key: str, front: str) -> None:
    with Client(front, key) as client:
        for i in range(50):
            client.interaction("poison!" if i == 30 else "question", "answer", source="poisoned")
        assert client.flush(20)
        assert (client.stats.stored, client.stats.refused) == (49, 1)
    assert sources(live)["poisoned"] == 49


@pytest.mark.parametrize(("asked", "least"), [("7", 7.0), ("Fri, 31 Dec 9999 23:59:59 GMT", 300.0), ("soon", 0.0)])
def test_a_service_that_asks_for_time_is_given_it(asked: str, least: float) -> None:
    counts = Counter(retries=0)
    outbox = Outbox(1000, 0.0)
    course = Delivery(outbox, counts, Complaints())
    outbox.put(b"{}\n")
    pauses = []
    for _ in range(12):
        batch = course.next()
        assert not batch.answered(429, httpx.Headers({"Retry-After": asked}))
        pauses.append(course.settle(batch))
    assert min(pauses) >= least
    assert pauses[0] <= max(least, 0.3)
    assert 30.0 <= pauses[-1] <= max(least, 60.0)  # longer and longer, to a minute
    assert counts["retries"] == 12


LEFT_OPEN = """
import asyncio, sys
from components.feedback.client import AsyncClient, Client
client = Client(*sys.argv[1:])
for _ in range(50):
    client.interaction("q", "a", source="exit")
late = AsyncClient(*sys.argv[1:])
async def application():
    for _ in range(50):
        late.interaction("q", "a", source="async exit")
asyncio.run(application())
"""


def test_what_waits_when_the_interpreter_ends_is_sent_then(live: Live, key: str) -> None:
    done = run(LEFT_OPEN, live.url, key)
    assert (done.returncode, done.stderr) == (0, "")
    assert (sources(live)["exit"], sources(live)["async exit"]) == (50, 50)


def test_an_end_without_a_service_is_not_put_off_for_long(key: str) -> None:
    with listening(Front) as gone:
        pass
    done = run(
        LEFT_OPEN.replace(
            "import asyncio",
            "from components.feedback.client import recorder\nrecorder.EXIT_SECONDS = 0.3\nimport asyncio",
        ),
        gone,
        key,
    )
    assert done.returncode == 0
    assert "no time left to send 50 events" in done.stderr


FORKED = """
import os, sys
from components.feedback.client import Client
client = Client(*sys.argv[1:])
client.interaction("q", "a", source="before")
for _ in range(3):
    client.interaction("q", "a", source="parent")
for _ in range(4):
    child = os.fork()
    if not child:
        assert client.stats.waiting == 0
        for _ in range(5):
            client.interaction("q", "a", source="child")
        sent = client.flush(20) and client.stats.stored == 5
        os._exit(0 if sent else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
client.interaction("q", "a", source="parent")
"""


def test_a_forked_child_sends_its_own_and_the_parent_its_own(live: Live, key: str) -> None:
    done = run(FORKED, live.url, key)
    assert (done.returncode, done.stderr) == (0, "")
    found = sources(live)
    assert (found["before"], found["parent"], found["child"]) == (1, 4, 20)


def test_importing_it_loads_nothing_heavy_and_it_knows_every_kind() -> None:
    heavy = '{"polars", "fastapi", "torch", "pydantic", "pandera", "duckdb", "sqlalchemy"}'
    done = run(f"import sys, components.feedback.client; print({heavy} & sys.modules.keys())")
    assert (done.stdout.strip(), done.stderr) == ("set()", "")
    assert set(get_args(Kind)) == set(FEEDBACK_KINDS)
