"""A shadow answers what a user has asked: the user never notices, and nothing is learned from what nobody saw."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from components.feedback import live
from components.feedback.capture import collected, shadowing
from components.feedback.capture.service import service
from components.feedback.capture.store import Store
from components.feedback.capture.users import hash_user
from components.feedback.readers import read_rows
from tests.components.feedback.capture.serving import reply, workspace

CHAT = "/v1/chat/completions"
SECRET = "capture.secret=pepper"


class Endpoint(httpx.AsyncBaseTransport):
    """A champion who answers at once, and a shadow of everybody that answers when it is let.

    Attributes:
        shadowed: what the shadow was asked: body and user.
    """

    def __init__(self, shadow: bytes = reply("Ask ada@example.org."), status: int = 200) -> None:
        self.shadow, self.status = shadow.replace(b"far-1", b"heed-policy/2"), status
        self.let = asyncio.Event()
        self.shadowed: list[tuple[bytes, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.extensions["heed-shadow"]:
            return self._answer(200, reply(), {"heed-shadow": True})
        self.shadowed.append((request.content, request.extensions["heed-user"]))
        await self.let.wait()
        return self._answer(self.status, self.shadow, {})

    def _answer(self, status: int, body: bytes, extensions: dict[str, Any]) -> httpx.Response:
        head = {"content-type": "application/json"}
        return httpx.Response(status, headers=head, stream=httpx.ByteStream(body), extensions=extensions)


@asynccontextmanager
async def asking(root: Path, endpoint: Endpoint) -> AsyncIterator[httpx.AsyncClient]:
    """Callers of a service that runs, and then ends in order."""
    app: FastAPI = service(workspace(root, SECRET), endpoint)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://heed") as client,
    ):
        yield client


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / ".heed").mkdir()
    with closing(Store(workspace(tmp_path).capture_store)) as opened:
        yield opened


def asked(user: str) -> dict[str, Any]:
    return {
        "json": {"messages": [{"role": "user", "content": "Bread?"}], "temperature": 0.5},
        "headers": {"heed-user": user},
    }


async def counted(client: httpx.AsyncClient, outcome: str) -> float:
    page = (await client.get("/metrics")).text
    line = f'heed_shadows_total{{outcome="{outcome}"}} '
    return next((float(row.removeprefix(line)) for row in page.splitlines() if row.startswith(line)), 0.0)


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await look():
            await asyncio.sleep(0.01)


def test_the_user_has_the_answer_before_the_shadow_has_said_a_word_which_is_kept_beside_it(
    tmp_path: Path, store: Store
) -> None:
    async def session() -> tuple[httpx.Response, Endpoint]:
        endpoint = Endpoint()
        async with asking(tmp_path, endpoint) as client:
            answer = await client.post(CHAT, **asked("ada"))
            assert answer.content == reply()
            assert store.counts().get("shadow", 0) == 0
            endpoint.let.set()

            async def kept() -> bool:
                return store.counts() == {"interaction": 1, "shadow": 1}

            await until(kept)
            [told] = store.shadows_after(0)
            unknown = await client.get(f"/v1/interactions/{json.loads(told)['id']}")
            assert unknown.status_code == 404
            return answer, endpoint

    answer, endpoint = asyncio.run(session())
    assert endpoint.shadowed == [(answer.request.content, "ada")]
    [told] = store.shadows_after(0)
    shadow = json.loads(told)
    assert shadow["shadows"] == answer.headers["heed-interaction"]
    assert (shadow["response"], shadow["model"]) == ("Ask [email].", "heed-policy/2")
    assert shadow["user"] == hash_user(b"pepper", "ada")


@pytest.mark.parametrize(("status", "shadow"), [(500, b""), (200, b"<html>")])
def test_a_shadow_that_fails_costs_nobody_an_answer(tmp_path: Path, store: Store, status: int, shadow: bytes) -> None:
    async def session() -> None:
        endpoint = Endpoint(shadow, status)
        endpoint.let.set()
        async with asking(tmp_path, endpoint) as client:
            for _ in range(3):
                assert (await client.post(CHAT, **asked("ada"))).content == reply()

            async def tried() -> bool:
                return await counted(client, "failed" if status == 500 else "answered") == 3

            await until(tried)

    asyncio.run(session())
    assert store.counts() == {"interaction": 3}


def test_where_the_shadow_is_slow_what_is_too_much_for_it_is_left_out_and_ends_with_the_service(
    tmp_path: Path, store: Store
) -> None:
    users = [f"user {number}" for number in range(shadowing.AT_A_TIME + 5)]

    async def session() -> None:
        endpoint = Endpoint()
        async with asking(tmp_path, endpoint) as client:
            answers = await asyncio.gather(*(client.post(CHAT, **asked(user)) for user in users))
            assert {answer.content for answer in answers} == {reply()}

            async def left_out() -> bool:
                return await counted(client, "left out") + len(endpoint.shadowed) == len(users)

            await until(left_out)
            assert await counted(client, "left out") == 5

    asyncio.run(asyncio.wait_for(session(), 120))
    assert store.counts() == {"interaction": len(users)}


def test_nothing_is_learned_from_it_nobody_may_send_one_and_it_is_forgotten_with_its_user(
    tmp_path: Path, store: Store
) -> None:
    place = workspace(tmp_path, SECRET)

    async def session() -> None:
        endpoint = Endpoint(reply(""))
        endpoint.let.set()
        async with asking(tmp_path, endpoint) as client:
            for user in ["ada"] * (live.OF_A_USER + 1) + ["bob"]:
                await client.post(CHAT, **asked(user))

            async def kept() -> bool:
                return store.counts().get("shadow") == live.OF_A_USER + 2

            await until(kept)
            [told] = (json.loads(body) for body in store.shadows_after(0)[:1])
            ndjson = {"content-type": "application/x-ndjson"}
            sent = await client.post("/v1/batch", content=json.dumps(told | {"id": "x"}), headers=ndjson)
            assert json.loads(sent.text.splitlines()[0])["status"] == "refused", sent.text

    asyncio.run(session())
    rows, last = collected.rows(store, 0)
    heard = read_rows(rows, collected.FORMAT, collected.NAMED)
    assert (heard.frames["interactions"].height, heard.problems.height) == (live.OF_A_USER + 2, 0)
    assert set(heard.frames["interactions"]["model"]) == {"far-1"}
    assert last
    assert last.position == store.last()

    beside = live.side_by_side(place, 0, "heed-policy/2")
    ada, bob = hash_user(b"pepper", "ada"), hash_user(b"pepper", "bob")
    assert beside["user"].to_list() == [ada] * live.OF_A_USER + [bob]
    assert beside.row(0, named=True) == {
        "user": ada,
        "group": None,
        "prompt": [{"role": "user", "content": "Bread?"}],
        "champion": "Mix flour and water.",
        "shadow": "",
    }
    assert live.side_by_side(place, 0, "heed-policy/3").is_empty()
    assert live.side_by_side(place, store.last(), "heed-policy/2").is_empty()

    assert store.forget(ada) == 2 * (live.OF_A_USER + 1)
    assert store.counts() == {"interaction": 1, "shadow": 1}
