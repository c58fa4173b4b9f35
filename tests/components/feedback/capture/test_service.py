"""The service over HTTP: what is acknowledged is kept, what is no event is told so, and only who may gets in."""

import asyncio
import json
import signal
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from components.feedback.capture.server import serve
from components.feedback.capture.service import service
from components.feedback.capture.store import Store
from components.feedback.capture.users import hash_user
from components.feedback.readers import read
from components.records.errors import BadInput
from components.records.schemas import FEEDBACK_KINDS, KINDS
from components.validation import contracts
from tests.components.feedback.capture.serving import Service, serving, workspace

INTERACTION = {"prompt": "How do I bake bread?", "response": "Mix flour and water."}
EVERY_KIND: list[dict[str, Any]] = [
    {"kind": "thumb", "score": -1},
    {"kind": "rating", "score": 0.5, "aspect": "helpfulness"},
    {"kind": "choice", "other": "q2", "position": 2},
    {"kind": "edit", "text": "Mix flour, water and yeast."},
    {"kind": "regenerate", "other": "q2"},
    {"kind": "followup", "text": "And then?"},
    {"kind": "copy"},
    {"kind": "abandon"},
    {"kind": "comment", "text": "Too short: 10 words."},
    {"kind": "report", "text": "It is wrong."},
]
NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def running(root: Path) -> Iterator[Service]:
    with serving(root, "capture.secret=pepper", "capture.body_bytes=20000", "capture.batch_bytes=30000000") as service:
        yield service


@pytest.fixture(scope="module")
def client(running: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, timeout=30) as client:
        yield client


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def verdicts(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def asked(app: Any, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    """What an application answers, without a server, to requests one after the other."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://heed") as client:
        return [await client.request(method, path, **how) for method, path, how in requests]


def test_an_acknowledged_event_is_stored_once_masked_and_without_its_users_name(store_url: str, tmp_path: Path) -> None:
    event = {**INTERACTION, "id": "q1", "user": "ada", "response": "Write to ada@example.org or bob@example.org."}
    settings = (f"capture.store={store_url}", "capture.secret=pepper")
    app = service(workspace(tmp_path, *settings))
    post = ("POST", "/v1/interactions", {"json": event})
    first, second, *_, back = asyncio.run(asked(app, post, post, ("GET", "/v1/interactions/q1", {})))
    assert (first.status_code, first.json()) == (201, {"id": "q1", "status": "stored", "masked": 2})
    assert (second.status_code, second.json()) == (200, {"id": "q1", "status": "duplicate", "masked": 2})
    store = Store(store_url)
    assert store.counts() == {"interaction": 1}
    kept = json.loads(store.event("q1") or b"")
    assert kept == back.json()
    assert kept["response"] == "Write to [email] or [email]."
    assert kept["user"] == hash_user(b"pepper", "ada")
    store.close()


def test_what_is_kept_reads_as_records_without_a_problem(client: httpx.Client, root: Path, tmp_path: Path) -> None:
    said = {
        "id": "q1",
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Bread? \u2028 \U0001f35e"}],
        "response": [{"role": "tool", "content": '{"oven": "hot"}'}, {"role": "assistant", "content": "Bake.\x1e"}],
        "model": "m/1",
        "group": "bakers",
        "language": "en",
        "created_at": 1769860800.5,
    }
    feedback = [{"id": f"f{n}", "interaction": "q1", "user": "ada", **what} for n, what in enumerate(EVERY_KIND)]
    assert [event["kind"] for event in feedback] == list(FEEDBACK_KINDS)
    for event in feedback:  # before what it is about
        assert client.post("/v1/feedback", json=event).status_code == 201
    assert client.post("/v1/interactions", json=said).status_code == 201
    about = client.get("/v1/feedback", params={"interaction": "q1"}).json()["feedback"]
    assert [event["kind"] for event in about] == [event["kind"] for event in feedback]

    store = Store(f"sqlite:///{root / '.heed' / 'capture.db'}")
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(b"".join(line.body + b"\n" for line in store.after(0, 1000)))
    store.close()
    reading = read([kept], "heed")
    assert reading.problems.is_empty()
    found = reading.frames["interactions"]
    assert found.filter(pl.col("group") == "bakers")["response"].to_list() == [said["response"]]
    assert str(found["created_at"][0]) == "2026-01-31 12:00:00.500000+00:00"
    assert reading.frames["feedback"].height == 10
    for kind, frame in reading.frames.items():
        _, bad = contracts.check(frame, KINDS[kind])
        assert bad.is_empty()


HOSTILE: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"", JSON, 400, "not JSON"),
    (b"\xff\xfe{", JSON, 400, "not JSON"),
    (b'{"prompt": "a\xff", "response": "b"}', JSON, 400, "not JSON"),
    (b'{"prompt": "a"', JSON, 400, "not JSON"),
    (b'{"prompt": "\\ud800", "response": "b"}', JSON, 400, "not JSON"),
    (b"[" * 10_000, JSON, 400, "recursion"),
    (b'{"prompt": ' + b"[" * 70 + b"]" * 70 + b', "response": "b"}', JSON, 422, "prompt.0 must be a message"),
    (b"[1]", JSON, 422, "an event must be a JSON object"),
    (b'"text"', JSON, 422, "an event must be a JSON object"),
    (b"{}", JSON, 422, "prompt is missing"),
    (b'{"prompt": "a", "response": " \\n"}', JSON, 422, "response says nothing"),
    (b'{"prompt": "a\\u0000", "response": "b"}', JSON, 422, "NUL"),
    (b'{"prompt": "a", "prompt": "b", "response": "c"}', JSON, 422, "prompt is there twice"),
    (
        b'{"prompt": "a", "response": "b", "respones": 1}',
        JSON,
        422,
        "respones is no key of an event; did you mean resp",
    ),
    (b'{"prompt": "a", "response": "b", "id": "%s"}' % (b"x" * 201), JSON, 422, "id: string should have at most 200"),
    (b'{"prompt": "a", "response": "b", "id": " "}', JSON, 422, "id: string should have at least 1"),
    (b'{"prompt": "a", "response": "b", "id": "a\\u0000"}', JSON, 422, "NUL"),
    (b'{"prompt": "a", "response": "b", "user": 7}', JSON, 422, "user must be a text"),
    (b'{"prompt": "a", "response": "b", "created_at": 1e999}', JSON, 422, "created_at must be a time"),
    (b'{"prompt": "a", "response": "b", "created_at": "yesterday"}', JSON, 422, "created_at must be a time"),
    (b'{"prompt": "a", "response": "b", "created_at": NaN}', JSON, 422, "created_at must be a time"),
    (b'{"prompt": [], "response": "b"}', JSON, 422, "prompt"),
    (b'{"prompt": [{"role": "assistant", "content": "a"}], "response": "b"}', JSON, 422, "nothing to answer"),
    (b'{"prompt": [{"role": "robot", "content": "a"}], "response": "b"}', JSON, 422, "prompt.0.role"),
    (b'{"prompt": "a", "response": "%s"}' % (b"x" * 30_000), JSON, 413, "longer than 20000 bytes"),
    (b"{}", {}, 415, "does not say what it is"),
    (b"{}", {"content-type": "text/plain"}, 415, "the body is text/plain"),
    (b"{}", {"content-type": "application/json; charset=latin-1"}, 415, "the body is in latin-1"),
    (b"{}", {**JSON, "content-encoding": "gzip"}, 415, "compressed"),
]


@pytest.mark.parametrize("path", ["/v1/interactions", "/v1/feedback"])
def test_what_is_no_event_is_refused_with_what_where_and_what_to_do(client: httpx.Client, path: str) -> None:
    for body, headers, status, told in HOSTILE:
        answer = client.post(path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (body[:80], answer.text)
        error = answer.json()["error"]
        assert set(error) == {"what", "where", "fix", "message"}
        assert all(error.values())
        if path == "/v1/interactions":
            assert (answer.status_code, told in error["what"]) == (status, True), (body[:80], error)


@pytest.mark.parametrize(
    ("feedback", "told"),
    [
        ({"kind": "thumb", "score": 0.5}, "score must be -1 or 1"),
        ({"kind": "thumb"}, "score is missing"),
        ({"kind": "rating", "score": 1.01}, "score: input should be less than or equal to 1"),
        ({"kind": "rating", "score": "1"}, "score: input should be a valid number"),
        ({"kind": "choice"}, "other is missing"),
        ({"kind": "edit"}, "text is missing"),
        ({"kind": "comment", "text": ""}, "text says nothing"),
        ({"kind": "thumbs", "score": 1}, "kind is 'thumbs', must be one of thumb, rating"),
        ({"score": 1}, "kind is missing"),
    ],
)
def test_each_kind_of_feedback_must_carry_what_it_needs(client: httpx.Client, feedback: dict, told: str) -> None:
    answer = client.post("/v1/feedback", json={"interaction": "q1", **feedback})
    assert answer.status_code == 422
    assert told in answer.json()["error"]["what"]


def test_what_is_not_there_is_told_in_the_same_shape(client: httpx.Client) -> None:
    nowhere, get, head = client.get("/v1/nothing"), client.get("/v1/batch"), client.head("/v1/interactions")
    options, put = client.options("/v1/batch"), client.put("/v1/feedback", json={})
    assert [answer.status_code for answer in (nowhere, get, head, options, put)] == [404, 405, 405, 405, 405]
    assert (get.headers["allow"], put.headers["allow"]) == ("POST", "GET, POST")
    for answer in (nowhere, get, put, client.get("/v1/interactions/none%00such"), client.get("/v1/feedback")):
        assert set(answer.json()["error"]) == {"what", "where", "fix", "message"}
    assert client.get("/v1/interactions/f1").status_code == 404


def test_a_bad_line_of_a_batch_is_refused_and_spoils_no_other(client: httpx.Client) -> None:
    good = {"type": "interaction", **INTERACTION}
    body = b"".join(
        (
            lines({**good, "id": "b1"}),
            b"\r\n  \n",
            b'{"type": "interaction", "prompt": "a"}\n',
            b"{\xff}\n",
            json.dumps({**good, "prompt": "x" * 30_000}).encode() + b"\n",
            lines({**good, "id": "b1"}).replace(b"\n", b"\r\n"),
            lines({"type": "feedback", "id": "b\u2028\x852", "interaction": "late", "kind": "copy"}),
            b'{"type": "feedback", "interaction": "b1", "kind": "thumb", "score": 1}',
        )
    )
    told = verdicts(client.post("/v1/batch", content=body, headers=NDJSON))
    assert [(verdict["line"], verdict["status"]) for verdict in told] == [
        (1, "stored"),
        (4, "refused"),
        (5, "refused"),
        (6, "refused"),
        (7, "duplicate"),
        (8, "stored"),
        (9, "stored"),
    ]
    reasons = [verdict["reason"] for verdict in told if verdict["status"] == "refused"]
    assert reasons[0] == "response is missing"
    assert reasons[1].startswith("not JSON")
    assert reasons[2].startswith("the line is longer than 20000 bytes")
    assert told[-2]["id"] == "b\u2028\x852"  # which is no end of a line, though many a client takes it for one
    assert len(told[-1]["id"]) == 32
    assert client.post("/v1/batch", content=b"", headers=NDJSON).status_code == 400
    over = b"{}\n" * 10_000_001
    assert client.post("/v1/batch", content=over, headers=NDJSON).status_code == 413


def test_a_batch_is_answered_line_by_line_while_it_is_still_being_sent(running: Service) -> None:
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw, raw.makefile("rb") as answer:
        raw.sendall(
            b"POST /v1/batch HTTP/1.1\r\nhost: h\r\ncontent-type: application/x-ndjson\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        for number in range(1, 4):
            line = lines({"type": "interaction", "id": f"live-{number}", **INTERACTION})
            raw.sendall(b"%x\r\n%s\r\n" % (len(line), line))
            told = b""
            while b"}" not in told:
                told = answer.readline()
            assert json.loads(told)["line"] == number
        raw.sendall(b"0\r\n\r\n")


def test_a_caller_may_send_a_whole_batch_before_it_reads_a_verdict(running: Service) -> None:
    host, port = running.url.removeprefix("http://").split(":")
    count = 70_000  # their verdicts are more than fits between the two
    body = b'{"no":1}\n' * count
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        raw.settimeout(60)
        raw.connect((host, int(port)))
        head = "POST /v1/batch HTTP/1.1\r\nhost: h\r\ncontent-type: application/x-ndjson\r\n"
        raw.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        answer = HTTPResponse(raw)
        answer.begin()
        told = answer.read().splitlines()
    assert len(told) == count
    assert json.loads(told[-1]) == {"line": count, "status": "refused", "reason": "type is missing"}


def test_somebody_slow_keeps_nobody_waiting(running: Service, client: httpx.Client) -> None:
    host, port = running.url.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(50)]
    for connection in slow:
        head = "POST /v1/interactions HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 99"
        connection.sendall(f"{head}\r\n\r\n{{".encode())
    assert client.post("/v1/interactions", json=INTERACTION).status_code == 201
    for connection in slow:
        connection.close()
    assert client.get("/healthz").json() == {"status": "alive"}


def test_while_the_store_is_away_nothing_is_acknowledged(client: httpx.Client, root: Path) -> None:
    file, aside = root / ".heed" / "capture.db", root / "aside.db"
    event = {"id": "again", **INTERACTION}
    batch = lines({"type": "interaction", **INTERACTION}, {"type": "interaction"})
    file.rename(aside)
    try:
        refused = client.post("/v1/interactions", json=event)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
        failed, bad = verdicts(client.post("/v1/batch", content=batch, headers=NDJSON))
        assert (failed["status"], bad["status"]) == ("failed", "refused")
    finally:
        aside.rename(file)
    assert client.get("/readyz").status_code == 200
    assert client.post("/v1/interactions", json=event).status_code == 201


def test_metrics_tell_what_came_and_what_was_masked(client: httpx.Client) -> None:
    def counted() -> dict[str, float]:
        rows = [line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in rows}

    before = counted()
    client.post("/v1/interactions", json={**INTERACTION, "prompt": "I am ada@example.org"})
    client.post("/v1/batch", content=lines({"type": "interaction", **INTERACTION}, {}), headers=NDJSON)
    after = counted()

    def rise(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert rise('heed_events_total{status="stored",type="interaction"}') == 2
    assert rise('heed_events_total{status="refused",type="unknown"}') == 1
    assert rise('heed_masked_total{kind="email"}') == 1
    assert rise('heed_request_seconds_count{route="/v1/interactions",status="201"}') == 1
    assert after["heed_store_up"] == 1


def test_as_soon_as_there_is_a_key_only_who_has_one_that_may_gets_in(tmp_path: Path) -> None:
    place = workspace(tmp_path, "capture.host=0.0.0.0")
    (tmp_path / ".heed").mkdir()
    store = Store(place.capture_store)
    writer, reader = store.add_key("app", ["write"]), store.add_key("board", ["read"])
    app = service(place)

    def statuses(*requests: tuple[str, str, str | None]) -> list[int]:
        told = []
        for method, path, key in requests:
            how = {"headers": {"authorization": f"Bearer {key}"} if key else {}}
            told.append((method, path, how | ({"json": INTERACTION} if method == "POST" else {})))
        return [answer.status_code for answer in asyncio.run(asked(app, *told))]

    post, get = ("POST", "/v1/interactions"), ("GET", "/v1/feedback?interaction=q")
    assert statuses((*post, None), (*post, "heed_x"), (*post, reader), (*post, writer)) == [401, 401, 403, 201]
    assert statuses((*get, None), (*get, writer), (*get, reader)) == [401, 403, 200]
    protected = ("/metrics", "/docs", "/openapi.json")
    assert statuses(*(("GET", path, None) for path in protected)) == [401] * 3
    assert statuses(*(("GET", path, reader) for path in protected)) == [200] * 3
    assert statuses(*(("GET", path, None) for path in ("/healthz", "/readyz", "/", "/heed.js"))) == [200] * 4
    [other_header] = asyncio.run(asked(app, (*post, {"json": INTERACTION, "headers": {"heed-key": writer}})))
    assert other_header.status_code == 201

    store.revoke_key("app")
    while statuses((*post, writer)) == [201]:  # what was known of a key is known for a second
        pass
    assert statuses((*post, writer)) == [401]
    store.close()


def test_without_a_key_it_listens_to_this_machine_only(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="without keys anybody who reaches this address could write to it"):
        service(workspace(tmp_path, "capture.host=0.0.0.0"))


def test_more_requests_than_the_rate_are_told_when_to_come_again(tmp_path: Path) -> None:
    app = service(workspace(tmp_path, "capture.requests_per_second=0.25"))
    first, second = asyncio.run(asked(app, *[("POST", "/v1/interactions", {"json": INTERACTION})] * 2))
    assert (first.status_code, second.status_code) == (201, 429)
    assert 1 <= int(second.headers["retry-after"]) <= 4


def test_pages_of_other_origins_may_call_only_where_they_are_listed(tmp_path: Path) -> None:
    origin, method = {"origin": "https://app.example.com"}, {"access-control-request-method": "POST"}
    wanted = {**origin, **method, "access-control-request-headers": "content-type,heed-key,heed-user"}
    asks = (("OPTIONS", "/v1/feedback", {"headers": wanted}), ("GET", "/healthz", {"headers": origin}))
    for answer in asyncio.run(asked(service(workspace(tmp_path / "off")), *asks)):
        assert not [name for name in answer.headers if name.startswith("access-control")]
    listed = service(workspace(tmp_path / "on", 'capture.cors_origins=["https://app.example.com"]'))
    preflight, simple = asyncio.run(asked(listed, *asks))
    assert preflight.status_code == 200
    assert simple.headers["access-control-allow-origin"] == "https://app.example.com"
    other = {"headers": {**wanted, "origin": "https://evil.example.com"}}
    [refused] = asyncio.run(asked(listed, ("OPTIONS", "/v1/feedback", other)))
    assert "access-control-allow-origin" not in refused.headers


def test_the_page_may_load_nothing_from_elsewhere(client: httpx.Client) -> None:
    page, script = client.get("/"), client.get("/heed.js")
    assert (page.headers["content-type"], page.status_code) == ("text/html; charset=utf-8", 200)
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert script.headers["x-content-type-options"] == "nosniff"
    assert client.get("/heed.js", headers={"if-none-match": script.headers["etag"]}).status_code == 304


def test_told_to_stop_it_keeps_what_it_has_acknowledged_and_ends_well(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    with serving(tmp_path) as service:
        some = threading.Event()

        def send(name: str) -> None:
            with httpx.Client(base_url=service.url) as client:
                for number in range(100_000):
                    try:
                        answer = client.post("/v1/interactions", json={**INTERACTION, "id": f"{name}-{number}"})
                    except httpx.TransportError:
                        return
                    assert answer.status_code == 201
                    acknowledged.append(answer.json()["id"])
                    if len(acknowledged) > 50:
                        some.set()

        senders = [threading.Thread(target=send, args=(f"s{number}",)) for number in range(4)]
        for sender in senders:
            sender.start()
        assert some.wait(30)
        assert service.stop(signal.SIGTERM) == 0
        for sender in senders:
            sender.join()
    store = Store(f"sqlite:///{tmp_path / '.heed' / 'capture.db'}")
    assert all(store.event(id) for id in acknowledged)
    store.close()


def test_a_port_that_is_taken_is_told_so(running: Service, tmp_path: Path) -> None:
    port = running.url.rsplit(":", 1)[1]
    with pytest.raises(BadInput, match="cannot listen there: Address already in use"):
        serve(workspace(tmp_path, f"capture.port={port}"))
