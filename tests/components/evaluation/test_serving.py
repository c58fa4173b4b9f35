"""A local model asked as an OpenAI-compatible endpoint is: alone, by many, in pieces, wrongly, and while it changes."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from components.evaluation import serving
from components.evaluation.serving import InService, Model, ModelTransport
from components.records.errors import BadInput

R = TypeVar("R")


def served(path: Path, use: Callable[[httpx.AsyncClient], Awaitable[R]], name: str = "heed-policy/1") -> R:
    """Let a client talk to the model, as users of the service would."""

    async def session() -> R:
        transport = ModelTransport(lambda: InService(Model(name, path)), max_new_tokens=24, temperature=1.0)
        async with httpx.AsyncClient(transport=transport, base_url="http://champion/v1") as client:
            return await use(client)

    return asyncio.run(session())


def chat(prompt: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": prompt}], **more}


async def answered(client: httpx.AsyncClient, **body: Any) -> str:
    reply = await client.post("/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["choices"][0]["message"]["content"])


def test_the_model_says_what_it_was_taught_and_who_it_is(taught: Path, lessons: dict[str, str]) -> None:
    async def use(client: httpx.AsyncClient) -> tuple[list[str], Any, Any]:
        answers = await asyncio.gather(*(answered(client, **chat(prompt, temperature=0)) for prompt in lessons))
        whole = (await client.post("/chat/completions", json=chat("Cold?", temperature=0))).json()
        return answers, whole, (await client.get("/models")).json()

    answers, whole, models = served(taught, use)
    assert answers == list(lessons.values())
    assert whole["model"] == models["data"][0]["id"] == "heed-policy/1"
    assert whole["choices"][0]["finish_reason"] == "stop"


def test_a_stream_brings_the_same_answer_in_several_pieces(taught: Path) -> None:
    async def use(client: httpx.AsyncClient) -> list[str]:
        body = chat("Say hi", temperature=0, stream=True)
        async with client.stream("POST", "/chat/completions", json=body) as reply:
            assert reply.headers["content-type"] == "text/event-stream"
            return [line.removeprefix("data: ") async for line in reply.aiter_lines() if line]

    *chunks, last = served(taught, use)
    assert last == "[DONE]"
    deltas = [json.loads(chunk)["choices"][0] for chunk in chunks]
    said = [delta["delta"]["content"] for delta in deltas if delta["delta"].get("content")]
    assert "".join(said) == "Hello there, dear friend, how are you today?"
    assert len(said) > 5
    assert deltas[-1]["finish_reason"] == "stop"


def test_an_answer_follows_from_its_seed_whoever_else_asks(policies: tuple[Path, Path]) -> None:
    async def use(client: httpx.AsyncClient) -> tuple[str, list[str]]:
        alone = await answered(client, **chat("What is red?", seed=3))
        others = [chat("Cold? " * n, seed=n) for n in range(1, 9)]
        together = await asyncio.gather(*(answered(client, **body) for body in [chat("What is red?", seed=3), *others]))
        again = await answered(client, **chat("What is red?", seed=4))
        return alone, [*together, again]

    alone, (first, *others) = served(policies[0], use)
    assert first == alone
    assert len({alone, *others}) == 10


def test_an_answer_is_cut_off_where_it_was_asked_to_be(taught: Path) -> None:
    async def use(client: httpx.AsyncClient) -> Any:
        return (await client.post("/chat/completions", json=chat("Say hi", temperature=0, max_tokens=2))).json()

    choice = served(taught, use)["choices"][0]
    assert choice["finish_reason"] == "length"
    assert "Hello there, dear friend".startswith(choice["message"]["content"])


def test_who_stops_listening_does_not_hold_up_the_others(taught: Path) -> None:
    async def use(client: httpx.AsyncClient) -> str:
        body = chat("Say hi", temperature=0, stream=True)
        async with client.stream("POST", "/chat/completions", json=body) as reply:
            await anext(reply.aiter_bytes())
        return await answered(client, **chat("Cold?", temperature=0))

    assert served(taught, use) == "Ice."


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages.0.role"),
        (chat("hi", temperature=9), "temperature"),
        (chat("hi", max_tokens=10**6), "max_tokens must be below"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(taught: Path, body: dict[str, Any], says: str) -> None:
    async def use(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/chat/completions", json=body)

    reply = served(taught, use)
    assert reply.status_code == 400
    assert says in reply.json()["error"]["message"]


def test_where_no_model_is_in_service_the_answer_says_so() -> None:
    def nobody() -> InService:
        raise BadInput("there is no model to answer yet", "capture.upstream", "Run `heed retrain` first.")

    async def session() -> httpx.Response:
        transport = ModelTransport(nobody, max_new_tokens=24, temperature=0)
        async with httpx.AsyncClient(transport=transport, base_url="http://champion/v1") as client:
            return await client.post("/chat/completions", json=chat("Cold?"))

    reply = asyncio.run(session())
    assert reply.status_code == 503
    assert "heed retrain" in reply.json()["error"]["message"]


def test_a_canary_answers_its_share_of_the_users_always_the_same_ones(
    taught: Path, policies: tuple[Path, Path]
) -> None:
    tried = InService(Model("heed-policy/1", taught), Model("heed-policy/2", policies[0]), share=0.3)
    users = [f"user {number}" for number in range(200)]

    async def session() -> tuple[list[list[str]], list[str]]:
        transport = ModelTransport(lambda: tried, max_new_tokens=1, temperature=0)
        async with httpx.AsyncClient(transport=transport, base_url="http://champion/v1") as client:

            async def by(**who: Any) -> str:
                return str((await client.post("/chat/completions", **who)).json()["model"])

            def asked(user: str) -> Awaitable[str]:
                return by(json=chat("Cold?", user=user))

            def told_by_whoever_passes_it_on(user: str) -> Awaitable[str]:
                return by(json=chat("Cold?", user="the application"), extensions={serving.USER: user})

            ways = (asked, told_by_whoever_passes_it_on)
            return [await asyncio.gather(*map(way, users)) for way in ways], [await by(json=chat("Cold?"))]

    (first, again), nobody = asyncio.run(session())
    assert first == again
    assert 40 <= first.count("heed-policy/2") <= 80
    assert nobody == ["heed-policy/1"]
    further = InService(tried.champion, tried.canary, share=0.6)
    assert {user for user in users if tried.for_user(user) == tried.canary} < {
        user for user in users if further.for_user(user) == tried.canary
    }
    another = InService(tried.champion, Model("heed-policy/3", policies[1]), share=0.3)
    both = sum(tried.for_user(user) == tried.canary and another.for_user(user) == another.canary for user in users)
    assert both < 35  # a third of a third, where the same users would always come first it would be all of them


def test_a_canary_that_cannot_be_opened_costs_nobody_an_answer(taught: Path, tmp_path: Path) -> None:
    async def session() -> Any:
        tried = InService(Model("heed-policy/1", taught), Model("heed-policy/2", tmp_path), share=0.99)
        transport = ModelTransport(lambda: tried, max_new_tokens=24, temperature=0)
        async with httpx.AsyncClient(transport=transport, base_url="http://champion/v1") as client:
            return (await client.post("/chat/completions", json=chat("Cold?", user="ada"))).json()

    said = asyncio.run(session())
    assert said["model"] == "heed-policy/1"
    assert said["choices"][0]["message"]["content"] == "Ice."


def test_a_shadow_answers_its_share_of_the_users_too_and_only_whoever_asks_for_it(
    taught: Path, policies: tuple[Path, Path]
) -> None:
    tried = InService(Model("heed-policy/1", taught), shadow=Model("heed-policy/2", policies[0]), shadowed=0.4)

    async def session() -> list[tuple[Any, bool, Any]]:
        transport = ModelTransport(lambda: tried, max_new_tokens=1, temperature=0)
        async with httpx.AsyncClient(transport=transport, base_url="http://champion/v1") as client:

            async def by(who: dict[str, str]) -> tuple[Any, bool, Any]:
                body = chat("Cold?", **who)
                seen = await client.post("/chat/completions", json=body)
                unseen = await client.post("/chat/completions", json=body, extensions={serving.SHADOW: True})
                assert not unseen.extensions[serving.SHADOW] if unseen.is_success else unseen.status_code == 404
                return seen.json()["model"], seen.extensions[serving.SHADOW], unseen.json().get("model")

            return await asyncio.gather(*(by({"user": f"user {number}"}) for number in range(200)), by({}))

    *users, nobody = asyncio.run(session())
    assert set(users) == {("heed-policy/1", True, "heed-policy/2"), ("heed-policy/1", False, None)}
    assert 60 <= sum(shadowed for _, shadowed, _ in users) <= 100
    assert nobody == ("heed-policy/1", False, None)


def test_a_shadow_that_cannot_be_opened_costs_nobody_an_answer(taught: Path, tmp_path: Path) -> None:
    async def session() -> list[tuple[str, bool]]:
        tried = InService(Model("heed-policy/1", taught), shadow=Model("heed-policy/2", tmp_path), shadowed=1.0)
        transport = ModelTransport(lambda: tried, max_new_tokens=24, temperature=0)
        async with httpx.AsyncClient(transport=transport, base_url="http://champion/v1") as client:
            body, said = chat("Cold?", user="ada"), []
            for _ in range(2):
                seen = await client.post("/chat/completions", json=body)
                said.append((seen.json()["choices"][0]["message"]["content"], seen.extensions[serving.SHADOW]))
                unseen = await client.post("/chat/completions", json=body, extensions={serving.SHADOW: True})
                assert unseen.status_code == 404
            return said

    assert asyncio.run(session()) == [("Ice.", True), ("Ice.", False)]


def test_when_another_model_comes_into_service_it_answers(
    taught: Path, policies: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "LOOK_AGAIN", 0.0)
    champions = iter([InService(Model("heed-policy/1", policies[0])), InService(Model("heed-policy/2", taught))])

    async def session() -> list[Any]:
        transport = ModelTransport(lambda: next(champions), max_new_tokens=24, temperature=0)
        async with httpx.AsyncClient(transport=transport, base_url="http://champion/v1") as client:
            return [(await client.post("/chat/completions", json=chat("Cold?"))).json() for _ in range(2)]

    before, after = asyncio.run(session())
    assert (before["model"], after["model"]) == ("heed-policy/1", "heed-policy/2")
    assert after["choices"][0]["message"]["content"] == "Ice."
