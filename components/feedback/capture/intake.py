"""From JSON to an event that may be kept: checked, its personal data masked, its user hashed, given an id and a time.

Knows nothing of where events come from and where they are kept.
"""

import os
from collections.abc import Callable, Container, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import orjson

from components.feedback.capture.events import Form, Unfit, parse, parse_either
from components.feedback.capture.masking import mask
from components.feedback.capture.sifting import suspects
from components.feedback.capture.store import Event
from components.feedback.capture.users import hash_user

MASKED_KEYS = ("prompt", "response", "text")
REMEMBERED_USERS = 65_536


class Taken(NamedTuple):
    """An event that may be kept.

    Attributes:
        event: what the store gets.
        masked: how many pieces of personal data were masked, by kind.
    """

    event: Event
    masked: dict[str, int]


class Intake:
    """Makes events of what comes in.

    Args:
        secret: the key of the hash that stands for a user.
    """

    def __init__(self, secret: bytes) -> None:
        self._hash: Callable[[str], str | None] = lru_cache(REMEMBERED_USERS)(lambda user: _hashed(secret, user))

    def take(self, line: bytes, form: Form) -> Taken:
        """Take in one event.

        Args:
            line: JSON, UTF-8.
            form: what it has to be, of `events`: `INTERACTION`, `FEEDBACK`, `EVENT` for either, or `SHADOW`.

        Raises:
            Unfit: it is not that.
        """
        event = parse(line, form)
        return self._ready(event, _texts(event))

    def take_all(self, lines: Sequence[bytes]) -> list[Taken | Unfit]:
        """Take in events of either type, each by itself: one that is none spoils no other."""
        parsed = [_parsed(line) for line in lines]
        events = [event for event in parsed if not isinstance(event, Unfit)]
        suspect = suspects([text for event in events for text in _texts(event)])
        return [event if isinstance(event, Unfit) else self._ready(event, suspect) for event in parsed]

    def _ready(self, event: dict[str, Any], suspect: Container[str]) -> Taken:
        masked: dict[str, int] = {}
        ready: dict[str, Any] = {"type": _type(event)}
        for key, value in event.items():
            if value is not None and value != "":
                ready[key] = _masked(value, suspect, masked) if key in MASKED_KEYS else value
        user = self._hash(ready.pop("user")) if "user" in ready else None
        if user:
            ready["user"] = user
        if "id" not in ready:
            ready["id"] = os.urandom(16).hex()
        if "created_at" not in ready:
            ready["created_at"] = datetime.now(UTC).isoformat()
        kept = Event(ready["id"], ready["type"], ready.get("interaction"), user, msgspec.json.encode(ready))
        return Taken(kept, masked)


def event_of(body: bytes) -> Event:
    """An event from the body it is kept as.

    Raises:
        ValueError: this is no such body.
    """
    event = orjson.loads(body)
    try:
        kept = Event(event["id"], event["type"], event.get("interaction"), event.get("user"), body)
        storable = kept.storable
    except (AttributeError, KeyError, TypeError):
        storable = False
    if not storable:
        raise ValueError("not the body of an event")
    return kept


def _hashed(secret: bytes, user: str) -> str | None:
    try:
        return hash_user(secret, user)
    except ValueError:  # nothing but space: nobody
        return None


def _type(event: dict[str, Any]) -> str:
    return "interaction" if "prompt" in event else "shadow" if "shadows" in event else "feedback"


def _parsed(line: bytes) -> dict[str, Any] | Unfit:
    try:
        return parse_either(line)
    except Unfit as unfit:
        return unfit


def _texts(event: dict[str, Any]) -> list[str]:
    """Everything in an event that may have personal data in it."""
    texts = []
    for key in MASKED_KEYS:
        said = event.get(key)
        if isinstance(said, str):
            texts.append(said)
        elif said:
            texts += [message["content"] for message in said]
    return texts


def _masked(said: str | list[dict[str, str]], suspect: Container[str], counts: dict[str, int]) -> Any:
    if isinstance(said, list):
        return [
            {**message, "content": _masked(message["content"], suspect, counts)}
            if message["content"] in suspect
            else message
            for message in said
        ]
    if said not in suspect:
        return said
    text, found = mask(said)
    for kind, count in found.items():
        counts[kind] = counts.get(kind, 0) + count
    return text
