"""From JSON to an event that may be kept: checked, its personal data masked, its user hashed, given an id and a time.

Knows nothing of where events come from and where they are kept.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from components.feedback.capture.events import Form, parse
from components.feedback.capture.masking import mask
from components.feedback.capture.store import Event
from components.feedback.capture.users import hash_user

MASKED_KEYS = ("prompt", "response", "text")
REMEMBERED_USERS = 65_536


@dataclass(frozen=True, slots=True)
class Taken:
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
            form: what it has to be, of `events`: `INTERACTION`, `FEEDBACK`, or `EVENT` for either.

        Raises:
            Unfit: it is not that.
        """
        return self._ready(parse(line, form))

    def _ready(self, event: dict[str, Any]) -> Taken:
        masked: dict[str, int] = {}
        ready: dict[str, Any] = {"type": "interaction" if "prompt" in event else "feedback"}
        ready.update((key, value) for key, value in event.items() if value is not None and value != "")
        for key in MASKED_KEYS:
            if key in ready:
                ready[key] = _masked(ready[key], masked)
        user = self._hash(ready.pop("user")) if "user" in ready else None
        if user:
            ready["user"] = user
        if "id" not in ready:
            ready["id"] = os.urandom(16).hex()
        if "created_at" not in ready:
            ready["created_at"] = datetime.now(UTC).isoformat()
        kept = Event(ready["id"], ready["type"], ready.get("interaction"), user, orjson.dumps(ready))
        return Taken(kept, masked)


def event_of(body: bytes) -> Event:
    """An event from the body it is kept as.

    Raises:
        ValueError: this is no such body.
    """
    event = orjson.loads(body)
    try:
        return Event(event["id"], event["type"], event.get("interaction"), event.get("user"), body)
    except (AttributeError, KeyError, TypeError):
        raise ValueError("not the body of an event") from None


def _hashed(secret: bytes, user: str) -> str | None:
    try:
        return hash_user(secret, user)
    except ValueError:  # nothing but space: nobody
        return None


def _masked(said: str | list[dict[str, str]], counts: dict[str, int]) -> str | list[dict[str, str]]:
    if isinstance(said, str):
        return _masked_text(said, counts)
    return [{**message, "content": _masked_text(message["content"], counts)} for message in said]


def _masked_text(text: str, counts: dict[str, int]) -> str:
    masked, found = mask(text)
    for kind, count in found.items():
        counts[kind] = counts.get(kind, 0) + count
    return masked
