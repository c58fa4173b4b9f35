"""Lets the model in service be asked as any OpenAI-compatible endpoint is, with no port of its own.

It is a transport for httpx: whoever holds a client with it speaks to the model as to a far server. When another model
comes into service, those who ask from then on are answered by that one.
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from components.evaluation.speaking import Piece, Question, Speaker
from components.records.errors import BadInput
from components.records.messages import Message

LOOK_AGAIN = 5.0  # seconds after which another model in service is noticed

InService = Callable[[], tuple[str, str | Path]]
"""The name of the model in service, and the folder or hub name it is opened from; BadInput where there is none."""


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


class ModelTransport(httpx.AsyncBaseTransport):
    """`/v1/chat/completions` and `/v1/models`, answered by the model in service.

    Args:
        in_service: asked again after LOOK_AGAIN seconds.
        max_new_tokens: where an answer ends if the request does not say.
        temperature: of the sampling if the request does not say.
    """

    def __init__(self, in_service: InService, max_new_tokens: int, temperature: float) -> None:
        self.in_service, self.max_new_tokens, self.temperature = in_service, max_new_tokens, temperature
        self._name = ""
        self._path: str | Path = ""
        self._speaker: Speaker | None = None
        self._looked = 0.0
        self._looking = asyncio.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; 503 where no model is in service."""
        try:
            return await self._answer(request)
        except BadInput as error:
            return _refused(503, str(error))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/models"):
            name, _ = await self._current()
            return _json(200, {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "heed"}]})
        if not request.url.path.endswith("/chat/completions"):
            return _refused(404, f"there is no {request.url.path} here")
        try:
            asked = Request.model_validate_json(await request.aread())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return _refused(400, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")
        name, speaker = await self._current()
        question = Question(
            messages=[said.as_message() for said in asked.messages],
            max_new_tokens=asked.max_completion_tokens or asked.max_tokens or self.max_new_tokens,
            temperature=self.temperature if asked.temperature is None else asked.temperature,
            seed=secrets.randbits(32) if asked.seed is None else asked.seed & 0xFFFFFFFF,
        )
        pieces = speaker.say(question)
        try:
            first_piece = await anext(pieces)
        except ValueError as error:
            return _refused(400, str(error))
        said = _from(first_piece, pieces)
        head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": name}
        if asked.stream:
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Events(head, said))
        return await _whole(head, said)

    async def aclose(self) -> None:
        """Let the model finish what it is saying."""
        if self._speaker:
            await asyncio.to_thread(self._speaker.close)

    async def _current(self) -> tuple[str, Speaker]:
        async with self._looking:
            if self._speaker is None or time.monotonic() - self._looked > LOOK_AGAIN:
                name, path = await asyncio.to_thread(self.in_service)
                if self._speaker is None or path != self._path:
                    before, self._speaker = self._speaker, await asyncio.to_thread(Speaker, path)
                    if before:
                        await asyncio.to_thread(before.close)
                self._name, self._path, self._looked = name, path, time.monotonic()
            return self._name, self._speaker


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
