"""A disk that is full, a database that goes away: nothing is acknowledged and lost, and nobody has to restart."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx

from components.feedback.capture import collected
from components.feedback.capture.store import Store
from tests.components.feedback.capture.serving import serving, workspace
from tests.postgres import Postgres
from tests.small_disk import SmallDisk

ANSWER = "Mix flour and water. " * 400  # 8 KB


class Application:
    """Sends interactions, and remembers which were acknowledged."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.sent = 0
        self.acknowledged: set[str] = set()

    def send(self) -> httpx.Response:
        self.sent += 1
        event = {"id": f"i{self.sent}", "prompt": "Bread?", "response": ANSWER}
        answer = self.client.post("/v1/interactions", json=event)
        if answer.is_success:
            self.acknowledged.add(event["id"])
        return answer

    def send_until(self, done: Callable[[httpx.Response], bool], seconds: float = 30) -> httpx.Response:
        deadline = time.monotonic() + seconds
        while not done(answer := self.send()):
            assert time.monotonic() < deadline, answer.text
        return answer


def test_a_full_disk_is_told_and_what_was_acknowledged_before_and_after_is_kept(small_disk: SmallDisk) -> None:
    root = small_disk.folder / "work"
    root.mkdir()
    with serving(root) as service, httpx.Client(base_url=service.url, timeout=30) as client:
        application = Application(client)
        application.send_until(lambda _: len(application.acknowledged) == 5)
        small_disk.fill(but=200_000)
        refused = application.send_until(lambda answer: not answer.is_success)
        assert 5 < len(application.acknowledged) < 60
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert "nothing was stored" in refused.json()["error"]["what"]
        small_disk.fill()
        assert application.send().status_code == 503
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200

        small_disk.empty()
        application.send_until(lambda answer: answer.is_success)
        assert application.send().status_code == 201
        assert client.get("/readyz").status_code == 200
        service.process.kill()
    with closing(Store(f"sqlite:///{root / '.heed' / 'capture.db'}")) as store:
        kept = {event for number in range(application.sent) if store.event(event := f"i{number + 1}")}
    assert kept == application.acknowledged


def test_a_database_that_goes_away_and_comes_back_loses_nothing_acknowledged(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.new_database()
    with (
        serving(tmp_path, f"capture.store={url}") as service,
        httpx.Client(base_url=service.url, timeout=30) as client,
    ):
        application = Application(client)
        application.send_until(lambda _: len(application.acknowledged) == 5)
        postgres.stop()
        try:
            assert application.send().status_code == 503
            assert client.get("/readyz").status_code == 503
            assert client.get("/healthz").status_code == 200
        finally:
            postgres.start()
        application.send_until(lambda answer: answer.is_success)
        thumb = {"interaction": "i1", "kind": "thumb", "score": 1}
        assert client.post("/v1/feedback", json=thumb).status_code == 201
        # What the watch asks, each second, with a connection of its own.
        assert collected.waiting(workspace(tmp_path, f"capture.store={url}")) == 1
    with closing(Store(url)) as store:
        assert {f"i{n + 1}" for n in range(application.sent) if store.event(f"i{n + 1}")} >= application.acknowledged
        assert store.counts() == {"interaction": len(application.acknowledged), "feedback": 1}
