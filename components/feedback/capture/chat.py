"""What was said in an exchange with an OpenAI-compatible endpoint: an interaction out of a request and its reply.

Knows nothing of how either was carried. Understands replies that came whole, as a stream, or not to their end.
"""

import zlib
from collections.abc import Iterator
from typing import Any

import orjson
import zstandard

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
PARTS = {"image_url": "[image]", "input_image": "[image]", "input_audio": "[audio]", "audio": "[audio]"}

READABLE_ENCODINGS = frozenset(("identity", "gzip", "x-gzip", "deflate", "zstd"))
LONGEST = 64 * 2**20
"""Bytes a body may have when it is unpacked."""

Json = dict[str, Any]


class Unsaid(Exception):
    """There is no interaction in this.

    Attributes:
        reason: one word or a few, to count by.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def interaction(request: Json, reply: bytes, encoding: str, content_type: str) -> Json:
    """The interaction that took place.

    Args:
        request: what was asked.
        reply: the body that was answered, as much of it as there is.
        encoding: its Content-Encoding.
        content_type: its Content-Type.

    Returns:
        `prompt`, `response` and, where the reply says so, `model`.

    Raises:
        Unsaid: there is no prompt, or nothing was answered.
    """
    prompt = prompt_of(request)
    said = answer(reply, encoding, content_type)
    if not said["response"].strip():
        raise Unsaid("empty reply")
    return {"prompt": prompt, **said, "response": [{"role": "assistant", "content": said["response"]}]}


def answer(reply: bytes, encoding: str, content_type: str) -> Json:
    """What was answered, which may be nothing.

    Args:
        reply: the body, as much of it as there is.
        encoding: its Content-Encoding.
        content_type: its Content-Type.

    Returns:
        `response`, a text, and, where the reply says so, `model`.

    Raises:
        Unsaid: it cannot be read.
    """
    told = unpacked(reply, encoding)
    message, model = _streamed(told) if "event-stream" in content_type else _whole(told)
    said: Json = {"response": _content(message)}
    return {**said, "model": model} if model else said


def request_of(body: bytes, encoding: str) -> Json:
    """The request as JSON; empty where it is none."""
    try:
        request = orjson.loads(unpacked(body, encoding))
    except (orjson.JSONDecodeError, Unsaid):
        return {}
    return request if isinstance(request, dict) else {}


def prompt_of(request: Json) -> list[Json]:
    """The messages of a request, those that say something.

    Raises:
        Unsaid: there are none, or they leave nothing to answer.
    """
    messages = request.get("messages")
    if not isinstance(messages, list):
        raise Unsaid("no messages")
    prompt = [
        {"role": ROLES[message["role"]], "content": content}
        for message in messages
        if isinstance(message, dict) and message.get("role") in ROLES and (content := _content(message)).strip()
    ]
    if not prompt:
        raise Unsaid("no messages")
    if prompt[-1]["role"] == "assistant":
        raise Unsaid("ends with the assistant")
    return prompt


def unpacked(body: bytes, encoding: str) -> bytes:
    """A body without its Content-Encoding; as much of it as there is, where it breaks off.

    Raises:
        Unsaid: the encoding is not one of `READABLE_ENCODINGS`, or is not what the body is in.
    """
    for name in reversed([part.strip().lower() for part in encoding.split(",") if part.strip()]):
        if name not in READABLE_ENCODINGS:
            raise Unsaid("unreadable encoding")
        try:
            body = _unpacked(body, name)
        except (zlib.error, zstandard.ZstdError):
            raise Unsaid("unreadable encoding") from None
        if len(body) >= LONGEST:
            raise Unsaid("too long")
    return body


def _unpacked(body: bytes, name: str) -> bytes:
    if name in ("gzip", "x-gzip"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, LONGEST)
    if name == "deflate":
        try:
            return zlib.decompressobj().decompress(body, LONGEST)
        except zlib.error:  # some send it without the header it should have
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(body, LONGEST)
    if name == "zstd":
        return _unpacked_zstd(body)
    return body


def _unpacked_zstd(body: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(body) as reader:
        return reader.read(LONGEST)


def _whole(told: bytes) -> tuple[Json, str | None]:
    try:
        reply = orjson.loads(told)
    except orjson.JSONDecodeError:
        raise Unsaid("unreadable reply") from None
    choice = _first_choice(reply)
    message = choice.get("message") if choice else None
    if not isinstance(message, dict):
        raise Unsaid("unreadable reply")
    return message, _model(reply)


def _streamed(told: bytes) -> tuple[Json, str | None]:
    """The message that the pieces of a stream make, as far as they go."""
    message: Json = {}
    model = None
    for piece in _pieces(told):
        model = _model(piece) or model
        choice = _first_choice(piece)
        delta = choice.get("delta") if choice else None
        if isinstance(delta, dict):
            _add(message, delta)
    return message, model


def _pieces(told: bytes) -> Iterator[Json]:
    """The data of server-sent events that are JSON objects; the last may be torn, and `[DONE]` is none."""
    for event in told.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n"):
        data = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
        try:
            piece = orjson.loads(b"\n".join(data))
        except orjson.JSONDecodeError:
            continue
        if isinstance(piece, dict):
            yield piece


def _add(message: Json, delta: Json) -> None:
    for key in ("content", "refusal"):
        if said := _text(delta.get(key)):
            message[key] = message.get(key, "") + said
    calls = message.setdefault("tool_calls", [])
    for call in _objects(delta.get("tool_calls")):
        index = call.get("index", len(calls) - 1 if "id" not in call else len(calls))
        known = next((one for one in calls if one["index"] == index), None)
        if known is None:
            calls.append({"index": index, **call})
        else:
            _extend(known, call)


def _extend(call: Json, more: Json) -> None:
    """Texts of a call come in pieces: its arguments always, its name by some servers; its id comes once."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(call.get(key), dict):
            for name, text in value.items():
                both = isinstance(text, str) and isinstance(call[key].get(name), str)
                call[key][name] = call[key][name] + text if both else text
        elif value is not None:
            call[key] = value


def _first_choice(reply: Any) -> Json | None:
    choices = _objects(reply.get("choices") if isinstance(reply, dict) else None)
    return next((choice for choice in choices if choice.get("index", 0) == 0), None)


def _model(reply: Json) -> str | None:
    model = reply.get("model")
    return model.strip()[:200] or None if isinstance(model, str) else None


def _content(message: Json) -> str:
    """What a message says: its text, or why there is none, and the tools it calls."""
    said = [_text(message.get("content")) or _text(message.get("refusal"))]
    calls = [
        {key: value for key, value in call.items() if key != "index"} for call in _objects(message.get("tool_calls"))
    ]
    if calls:
        said.append(orjson.dumps(calls).decode())
    elif isinstance(message.get("function_call"), dict):
        said.append(orjson.dumps(message["function_call"]).decode())
    return "\n".join(text for text in said if text)


def _text(content: Any) -> str:
    """A content as text: its parts a line each, those that are none named."""
    if isinstance(content, str):
        return content.replace("\0", "\ufffd")
    return "\n".join(_part(part) for part in _objects(content))


def _part(part: Json) -> str:
    for key in ("text", "refusal"):
        if isinstance(part.get(key), str):
            return _text(part[key])
    return PARTS.get(str(part.get("type")), f"[{str(part.get('type', 'file'))[:50]}]")


def _objects(found: Any) -> list[Json]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
