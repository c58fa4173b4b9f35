"""The pass-through: nothing is changed on the way, and what was said is captured, whatever happens meanwhile."""

import asyncio
import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from components.feedback.capture import chat
from components.feedback.capture.service import service
from components.feedback.capture.store import Store
from components.feedback.capture.users import hash_user
from components.feedback.readers import read
from components.records.errors import BadInput
from tests.components.feedback.capture import serving as processes
from tests.components.feedback.capture.serving import Service, Upstream, piece, reply, serving, upstream, workspace

ASKED = {"model": "gpt-x", "messages": [{"role": "user", "content": "Bread?"}], "unknown": {"deep": [1, 2.50]}}
CHAT = "/v1/chat/completions"

Kept = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def far() -> Iterator[Upstream]:
    with upstream() as script:
        yield script


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("passing")


@pytest.fixture(scope="module")
def running(root: Path, far: Upstream) -> Iterator[Service]:
    with serving(root, f"capture.upstream={far.url}", "capture.secret=pepper") as service:
        yield service


@pytest.fixture(scope="module")
def client(running: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, timeout=30) as client:
        yield client


@pytest.fixture
def kept(root: Path) -> Iterator[Kept]:
    """What is captured under an id, as soon as it is."""
    store = Store(f"sqlite:///{root / '.heed' / 'capture.db'}")

    def wait(id: str) -> dict[str, Any]:
        while (body := store.event(id)) is None:
            time.sleep(0.01)
        return json.loads(body)

    yield wait
    store.close()


def counted(client: httpx.Client, name: str) -> float:
    rows = [line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines()]
    return next((float(value) for found, value in rows if found == name), 0.0)


def test_request_and_reply_pass_unchanged_and_what_was_said_is_kept(
    client: httpx.Client, far: Upstream, kept: Kept
) -> None:
    body = json.dumps({**ASKED, "user": "body-user"}, indent=3).encode()
    far.answers(reply(), x_request_id="r-1", set_cookie="a=b", access_control_allow_origin="*")
    headers = {
        "authorization": "Bearer sk-model",
        "openai-beta": "x",
        "content-type": "application/json",
        "heed-user": "ada",
        "heed-group": "bäcker".encode(),
        "cookie": "session=1",
    }
    answer = client.post(f"{CHAT}?trace=1", content=body, headers=headers)
    assert (answer.status_code, answer.content) == (200, reply())
    assert (answer.headers["x-request-id"], answer.headers["set-cookie"]) == ("r-1", "a=b")
    assert "access-control-allow-origin" not in answer.headers

    [(path, passed, sent)] = far.seen
    assert (path, sent) == ("/v1/chat/completions?trace=1", body)
    assert (passed["authorization"], passed["openai-beta"]) == ("Bearer sk-model", "x")
    assert passed["host"] == far.url.split("/")[2]
    assert not [name for name in passed if name.startswith("heed-") or name == "cookie"]

    event = kept(answer.headers["heed-interaction"])
    assert event["prompt"] == [{"role": "user", "content": "Bread?"}]
    assert event["response"] == [{"role": "assistant", "content": "Mix flour and water."}]
    assert (event["model"], event["group"]) == ("far-1", "bäcker")
    assert event["user"] == hash_user(b"pepper", "ada")


def test_the_caller_may_choose_the_id_and_name_the_user_in_the_body(
    client: httpx.Client, far: Upstream, kept: Kept
) -> None:
    far.answers(reply())
    answer = client.post(CHAT, json={**ASKED, "user": "bob"}, headers={"heed-interaction": "mine 1"})
    assert answer.headers["heed-interaction"] == "mine 1"
    assert json.loads(far.seen[0][2])["user"] == "bob"
    assert kept("mine 1")["user"] == hash_user(b"pepper", "bob")


def test_a_stream_passes_piece_by_piece_and_is_put_together(client: httpx.Client, far: Upstream, kept: Kept) -> None:
    pieces = [
        piece(role="assistant", content="Mix "),
        piece(content="flour ") + piece(1, content="another choice") + b": keep-alive\n\n",
        piece(content="and ada@example.org"),
        b"data: [DONE]\n\n",
    ]
    far.answers(*pieces, content_type="text/event-stream")
    with client.stream("POST", CHAT, json={**ASKED, "stream": True}) as answer:
        raw = answer.iter_raw()
        first = next(raw)
        assert first == pieces[0]  # the endpoint says no more until it is told to
        far.go_on.set()
        assert first + b"".join(raw) == b"".join(pieces)
    event = kept(answer.headers["heed-interaction"])
    assert event["response"] == [{"role": "assistant", "content": "Mix flour and [email]"}]
    assert event["model"] == "far-1"


def test_the_openai_client_sees_no_difference(running: Service, far: Upstream, kept: Kept) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "oven", "arguments": ""}}
    far.answers(
        piece(role="assistant", content=None, tool_calls=[{"index": 0, **call}]),
        piece(tool_calls=[{"index": 0, "function": {"arguments": '{"celsius"'}}]),
        piece(tool_calls=[{"index": 0, "function": {"arguments": ": 230}"}}, {"index": 1, **call, "id": "call_2"}]),
        b"data: [DONE]\n\n",
        content_type="text/event-stream",
    )
    far.go_on.set()
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-model") as client:
        asking = client.chat.completions.with_raw_response.create
        answer = asking(model="gpt-x", messages=[{"role": "user", "content": "Heat it"}], stream=True)
        called = [chunk.choices[0].delta.tool_calls for chunk in answer.parse()]
    assert len(called) == 3
    calls = json.loads(kept(answer.headers["heed-interaction"])["response"][0]["content"])
    assert [one["id"] for one in calls] == ["call_1", "call_2"]
    assert calls[0] == {**call, "function": {"name": "oven", "arguments": '{"celsius": 230}'}}


def test_who_hangs_up_lets_go_of_the_endpoint_and_what_was_said_so_far_is_kept(
    running: Service, far: Upstream, kept: Kept
) -> None:
    far.answers(piece(content="Mix flour"), piece(content=" never said"), content_type="text/event-stream")
    with httpx.stream("POST", f"{running.url}{CHAT}", json={**ASKED, "stream": True}) as answer:
        next(answer.iter_raw())
    assert far.hung_up.wait(30)
    assert kept(answer.headers["heed-interaction"])["response"][0]["content"] == "Mix flour"


def test_told_to_stop_it_ends_streams_and_keeps_what_was_said_so_far(
    tmp_path: Path, far: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_hurry = "from components.feedback.capture import server\nserver.LAST_SECONDS = 0.1\n"
    monkeypatch.setattr(processes, "SERVE", in_a_hurry + processes.SERVE)
    far.answers(piece(content="Mix flour"), piece(content=" never said"), content_type="text/event-stream")
    with (
        serving(tmp_path, f"capture.upstream={far.url}") as service,
        httpx.stream("POST", f"{service.url}{CHAT}", json={**ASKED, "stream": True}) as answer,
    ):
        next(answer.iter_raw())
        assert service.stop() == 0
    assert far.hung_up.wait(30)
    store = Store(f"sqlite:///{tmp_path / '.heed' / 'capture.db'}")
    kept = json.loads(store.event(answer.headers["heed-interaction"]) or b"")
    assert kept["response"][0]["content"] == "Mix flour"
    store.close()


def test_a_reply_that_breaks_off_breaks_off_and_is_kept_as_far_as_it_went(
    client: httpx.Client, far: Upstream, kept: Kept
) -> None:
    far.answers(piece(content="Mix") + piece(content=" fl")[:-30], breaks_off=True, content_type="text/event-stream")
    with pytest.raises(httpx.RemoteProtocolError), client.stream("POST", CHAT, json=ASKED) as answer:
        answer.read()
    assert kept(answer.headers["heed-interaction"])["response"][0]["content"] == "Mix"


def test_an_error_of_the_endpoint_passes_as_it_is_and_is_no_interaction(client: httpx.Client, far: Upstream) -> None:
    body = b'{"error": {"message": "slow down", "type": "rate_limit"}}'
    far.answers(body, status=429, retry_after="7")
    answer = client.post(CHAT, json=ASKED)
    assert (answer.status_code, answer.content, answer.headers["retry-after"]) == (429, body, "7")
    assert "heed-interaction" not in answer.headers


def test_compressed_bodies_pass_as_they_are_and_are_read_all_the_same(
    client: httpx.Client, far: Upstream, kept: Kept
) -> None:
    packed_request, packed_reply = gzip.compress(json.dumps(ASKED).encode()), gzip.compress(reply())
    far.answers(packed_reply, content_encoding="gzip")
    headers = {"content-encoding": "gzip", "content-type": "application/json", "accept-encoding": "br, gzip;q=0.5"}
    with client.stream("POST", CHAT, content=packed_request, headers=headers) as answer:
        assert b"".join(answer.iter_raw()) == packed_reply
    assert far.seen[0][2] == packed_request
    assert far.seen[0][1]["accept-encoding"] == "gzip;q=0.5"  # br could not be read here
    event = kept(answer.headers["heed-interaction"])
    assert event["prompt"][0]["content"] == "Bread?"
    assert event["response"][0]["content"] == "Mix flour and water."


def test_what_cannot_be_captured_is_counted_and_costs_nobody_the_reply(client: httpx.Client, far: Upstream) -> None:
    assistant = {"role": "assistant", "content": "I"}
    for reason, asked, answered in (
        ("no messages", b"not JSON", reply()),
        ("no messages", json.dumps({"messages": [{"role": "robot", "content": "x"}]}).encode(), reply()),
        ("ends with the assistant", json.dumps({"messages": [*ASKED["messages"], assistant]}).encode(), reply()),
        ("empty reply", json.dumps(ASKED).encode(), reply("")),
        ("unreadable reply", json.dumps(ASKED).encode(), b"<html>"),
        ("too long", json.dumps(ASKED).encode(), b" " * (17 * 2**20)),
    ):
        name = f'heed_not_captured_total{{reason="{reason}"}}'
        before = counted(client, name)
        far.answers(answered)
        answer = client.post(CHAT, content=asked)
        assert (answer.status_code, answer.content == answered) == (200, True)
        assert far.seen[0][2] == asked
        while counted(client, name) == before:
            time.sleep(0.01)
    assert client.post(CHAT, content=b" " * (2**20 + 1)).status_code == 413


def test_only_what_a_model_is_asked_for_passes(client: httpx.Client, far: Upstream) -> None:
    far.answers(b'{"object": "list", "data": [{"id": "far-1"}]}')
    assert client.get("/v1/models").json()["data"][0]["id"] == "far-1"
    assert far.seen[0][0] == "/v1/models"
    assert client.post("/v1/embeddings", json={}).status_code == 404
    assert client.get("/v1/models/../../admin").status_code == 404


def test_an_endpoint_that_does_not_answer_is_told_in_the_shape_clients_know(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        dead = f"capture.upstream=http://127.0.0.1:{taken.getsockname()[1]}/v1"
        for setting, status, code in ((dead, 502, "upstream_unreachable"), ("capture.upstream=", 503, "no_upstream")):
            app = service(workspace(tmp_path, setting))

            async def ask(app: Any = app) -> httpx.Response:
                async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://heed") as client:
                    return await client.post(CHAT, json=ASKED)

            answer = asyncio.run(ask())
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
            assert "capture.upstream" in answer.json()["error"]["message"]
    with pytest.raises(BadInput, match="not the address of an endpoint"):
        service(workspace(tmp_path, "capture.upstream=localhost:8000"))


def test_heeds_own_key_goes_no_further_and_the_endpoints_key_is_put_in_its_place(tmp_path: Path) -> None:
    seen: list[httpx.Headers] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        assert str(request.url) == "http://champion/v1/chat/completions"
        return httpx.Response(200, content=reply(), headers={"content-type": "application/json"})

    async def ask(app: Any, headers: dict[str, str]) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://heed") as client:
            return (await client.post(CHAT, json=ASKED, headers=headers)).status_code

    place = workspace(tmp_path)
    plain = service(place, httpx.MockTransport(answer))
    store = Store(place.capture_store)
    key = store.add_key("app", ["write"])
    store.close()
    keyed = service(workspace(tmp_path, "capture.upstream_key=sk-ours"), httpx.MockTransport(answer))
    plain = service(place, httpx.MockTransport(answer))
    assert asyncio.run(ask(plain, {"authorization": f"Bearer {key}"})) == 200
    assert asyncio.run(ask(plain, {"authorization": "Bearer sk-theirs", "heed-key": key})) == 200
    assert asyncio.run(ask(keyed, {"authorization": f"Bearer {key}"})) == 200
    assert asyncio.run(ask(plain, {"authorization": "Bearer sk-theirs"})) == 401
    assert [headers.get("authorization") for headers in seen] == [None, "Bearer sk-theirs", "Bearer sk-ours"]
    assert not any("heed-key" in headers for headers in seen)


def test_the_store_may_die_and_come_back_and_every_interaction_is_there_once(tmp_path: Path, far: Upstream) -> None:
    far.answers(reply())
    file, aside = tmp_path / ".heed" / "capture.db", tmp_path / "aside.db"
    ids = [f"spooled-{number}" for number in range(30)]

    def ask(url: str, id: str) -> None:
        answer = httpx.post(f"{url}{CHAT}", json=ASKED, headers={"heed-interaction": id}, timeout=30)
        assert (answer.status_code, answer.content) == (200, reply())

    with serving(tmp_path, f"capture.upstream={far.url}") as first:
        file.rename(aside)
        for id in ids[:20]:
            ask(first.url, id)
        while spooled(tmp_path) < 20:  # an interaction is on disk a moment after its reply
            time.sleep(0.01)
        first.process.kill()  # what waits on disk outlives the process
    aside.rename(file)
    with serving(tmp_path, f"capture.upstream={far.url}") as second:
        for id in ids[15:]:  # five of them a second time
            ask(second.url, id)
        store = Store(f"sqlite:///{file}")
        while store.counts() != {"interaction": 30} or spooled(tmp_path):
            time.sleep(0.01)
        assert all(store.event(id) for id in ids)
        store.close()


def spooled(root: Path) -> int:
    """How many events wait on disk."""
    return sum(len(file.read_bytes().splitlines()) for file in (root / ".heed" / "spool").glob("*.*"))


def test_contents_of_every_shape_become_texts_that_read_as_records(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "What is"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    others = [{"type": "input_audio", "input_audio": {}}, {"type": "file", "file": {}}, {"type": "text", "text": "?\0"}]
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    request = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": parts + others},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "user", "content": ""},
            {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "a cat"}]},
        ]
    }
    said = chat.interaction(request, reply(None, refusal="I cannot say."), "", "application/json")
    assert said["prompt"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is\n[image]\n[audio]\n[file]\n?\ufffd"},
        {"role": "assistant", "content": json.dumps([call], separators=(",", ":"))},
        {"role": "tool", "content": "a cat"},
    ]
    assert said["response"] == [{"role": "assistant", "content": "I cannot say."}]
    file = tmp_path / "said.jsonl"
    file.write_text(json.dumps({"type": "interaction", **said}))
    assert read([file], "heed").frames["interactions"].height == 1
