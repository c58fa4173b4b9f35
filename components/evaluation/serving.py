"""Lets the model in service be asked as any OpenAI-compatible endpoint is, with no port of its own.

It is a transport for httpx: whoever holds a client with it speaks to the model as to a far server. When another model
comes into service, those who ask from then on are answered by that one. While a canary is tried, it answers a share of
the users, always the same ones. A shadow answers whoever asks for it once more, where a user has been answered already.
"""

import asyncio
import hashlib
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from components.evaluation.speaking import Piece, Question, Speaker
from components.records.errors import BadInput
from components.records.messages import Message

LOOK_AGAIN = 5.0  # seconds after which another model in service is noticed

USER = "heed-user"
"""The extension of a request that says who asks, where its body does not."""

SHADOW = "heed-shadow"
"""The extension of a reply that says that a shadow would answer too, and of the request that asks it."""

log = logging.getLogger(__name__)


class Model(NamedTuple):
    """A model by its name, and the folder or hub name it is opened from."""

    name: str
    path: str | Path


@dataclass(frozen=True)
class InService:
    """Who answers whom.

    Attributes:
        champion: answers everybody else.
        canary: answers a share of the users; None where there is none.
        share: of the users, 0 to 1.
        shadow: answers what a share of the users ask as well, unseen by them; None where there is none.
        shadowed: that share, 0 to 1.
    """

    champion: Model
    canary: Model | None = None
    share: float = 0.0
    shadow: Model | None = None
    shadowed: float = 0.0

    def for_user(self, user: str | None) -> Model:
        """Who answers a user: the same one each time, as long as the share does not shrink.

        Nobody in particular gets the champion: a conversation must not change hands.
        """
        return self.canary if self.canary and user and _drawn(self.canary.name, user) < self.share else self.champion

    def shadow_of(self, user: str | None) -> Model | None:
        """Who answers what a user asks as well; nobody for nobody in particular, because users are what is counted."""
        return self.shadow if self.shadow and user and _drawn(self.shadow.name, user) < self.shadowed else None


def _drawn(tried: str, user: str) -> float:
    """A number from 0 to 1, the lot of a user; each model draws anew, so that the first are not always the same."""
    return int.from_bytes(hashlib.sha256(f"{tried} {user}".encode(errors="surrogatepass")).digest()[:8]) / 2**64


class Said(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None

    def as_message(self) -> Message:
        parts = [{"text": self.content or ""}] if not isinstance(self.content, list) else self.content
        texts = [str(part["text"]) for part in parts if "text" in part]
        return {"role": "system" if self.role == "developer" else self.role, "content": "\n".join(texts)}


class Request(BaseModel):
    """What a chat request may ask of a local model; whatever else it says is left alone."""

    model_config = ConfigDict(extra="ignore")

    messages: list[Said] = Field(min_length=1)
    stream: bool = False
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    seed: int | None = None
    user: str | None = None


class ModelTransport(httpx.AsyncBaseTransport):
    """`/v1/chat/completions` and `/v1/models`, answered by the models in service.

    Args:
        look: says who is in service, asked again after LOOK_AGAIN seconds; BadInput where nobody is.
        max_new_tokens: where an answer ends if the request does not say.
        temperature: of the sampling if the request does not say.
    """

    def __init__(self, look: Callable[[], InService], max_new_tokens: int, temperature: float) -> None:
        self.look, self.max_new_tokens, self.temperature = look, max_new_tokens, temperature
        self._in_service: InService | None = None
        self._speakers: dict[str | Path, Speaker] = {}
        self._looked = 0.0
        self._looking, self._opening = asyncio.Lock(), asyncio.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; 503 where no model is in service."""
        try:
            return await self._answer(request)
        except BadInput as error:
            return _refused(503, str(error))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/models"):
            name = (await self._now()).champion.name
            return _json(200, {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "heed"}]})
        if not request.url.path.endswith("/chat/completions"):
            return _refused(404, f"there is no {request.url.path} here")
        try:
            asked = Request.model_validate_json(await request.aread())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return _refused(400, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")
        user, unseen = request.extensions.get(USER) or asked.user, request.extensions.get(SHADOW, False)
        in_service = await self._now()
        model = in_service.shadow_of(user) if unseen else in_service.for_user(user)
        if model is None or (unseen and not await self._opens_shadow(in_service, model)):
            return _refused(404, "no shadow answers this user")
        question = Question(
            messages=[said.as_message() for said in asked.messages],
            max_new_tokens=asked.max_completion_tokens or asked.max_tokens or self.max_new_tokens,
            temperature=self.temperature if asked.temperature is None else asked.temperature,
            seed=secrets.randbits(32) if asked.seed is None else asked.seed & 0xFFFFFFFF,
        )
        pieces = self._speakers[model.path].say(question)
        try:
            first_piece = await anext(pieces)
        except ValueError as error:
            return _refused(400, str(error))
        said = _from(first_piece, pieces)
        head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model.name}
        if asked.stream:
            reply = httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Events(head, said))
        else:
            reply = await _whole(head, said)
        reply.extensions[SHADOW] = not unseen and in_service.shadow_of(user) is not None
        return reply

    async def aclose(self) -> None:
        """Let the models finish what they are saying."""
        await self._close(list(self._speakers))

    async def _now(self) -> InService:
        async with self._looking:
            if self._in_service is None or time.monotonic() - self._looked > LOOK_AGAIN:
                self._in_service = await self._opened(await asyncio.to_thread(self.look))
                self._looked = time.monotonic()
            return self._in_service

    async def _opened(self, wanted: InService) -> InService:
        """Open the models in service and close the others. A canary that cannot be opened costs nobody an answer."""
        await self._open(wanted.champion)
        if wanted.canary:
            try:
                await self._open(wanted.canary)
            except Exception:
                log.exception("%s cannot be opened, so the champion answers everybody", wanted.canary.name)
                wanted = replace(wanted, canary=None)
        kept = {model.path for model in (wanted.champion, wanted.canary, wanted.shadow) if model}
        await self._close([path for path in self._speakers if path not in kept])
        return wanted

    async def _opens_shadow(self, in_service: InService, shadow: Model) -> bool:
        """Whether it can be asked. It is opened only here, when it is asked first, so that no user waits for that."""
        try:
            await self._open(shadow)
        except Exception:
            log.exception("%s cannot be opened, so nobody is shadowed", shadow.name)
            if self._in_service is in_service:
                self._in_service = replace(in_service, shadow=None)
            return False
        return True

    async def _open(self, model: Model) -> None:
        if model.path in self._speakers:
            return  # without waiting until another is open
        async with self._opening:
            if model.path not in self._speakers:
                self._speakers[model.path] = await asyncio.to_thread(Speaker, model.path)

    async def _close(self, paths: list[str | Path]) -> None:
        for path in paths:
            await asyncio.to_thread(self._speakers.pop(path).close)


async def _from(first: Piece, others: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
    yield first
    async for piece in others:
        yield piece


async def _whole(head: dict[str, Any], said: AsyncIterator[Piece]) -> httpx.Response:
    pieces = [piece async for piece in said]
    message = {"role": "assistant", "content": "".join(piece.text for piece in pieces)}
    choice = {"index": 0, "message": message, "finish_reason": pieces[-1].ended}
    return _json(200, {**head, "object": "chat.completion", "choices": [choice]})


class _Events(httpx.AsyncByteStream):
    """An answer as server-sent events, one a piece."""

    def __init__(self, head: dict[str, Any], said: AsyncIterator[Piece]) -> None:
        self.head, self.said = head, said

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._event({"role": "assistant", "content": ""}, None)
        async for piece in self.said:
            if piece.text:
                yield self._event({"content": piece.text}, None)
            if piece.ended:
                yield self._event({}, piece.ended)
        yield b"data: [DONE]\n\n"

    async def aclose(self) -> None:
        await self.said.aclose()  # type: ignore[attr-defined]

    def _event(self, delta: dict[str, str], finish_reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        chunk = {**self.head, "object": "chat.completion.chunk", "choices": [choice]}
        return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def _json(status: int, content: dict[str, Any]) -> httpx.Response:
    body = json.dumps(content, ensure_ascii=False).encode()
    head = {"content-type": "application/json", "content-length": str(len(body))}
    # As a stream, because that is how a reply comes from afar, and how whoever passes it on reads it.
    return httpx.Response(status, headers=head, stream=httpx.ByteStream(body))


def _refused(status: int, message: str) -> httpx.Response:
    return _json(status, {"error": {"message": message, "type": "invalid_request_error", "code": None}})
