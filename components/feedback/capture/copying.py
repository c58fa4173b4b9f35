"""A copy of what a model was asked and answered, gathered while it is said. Knows nothing of who carries it."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
from starlette.datastructures import Headers

from components.feedback.capture import chat
from components.feedback.capture.events import INTERACTION, SHADOW
from components.feedback.capture.intake import Intake, Taken

COPIED_BYTES = 16 * 2**20
"""The longest reply of which a copy is captured."""

USER = "heed-user"
"""The header that says who asks. To an endpoint in this process it goes along as an extension of the same name."""


@dataclass(slots=True)
class Copy:
    """What is kept of an exchange while it lasts; it is looked into only when that costs nobody a wait.

    Attributes:
        id: of the event it makes.
        headers: of whoever asked.
        asked: the body of their request.
        began: when they asked.
        shadows: id of the interaction whose user got another answer and not this one; None where they got this one.
    """

    id: str
    headers: Headers
    asked: bytes
    began: datetime
    shadows: str | None = None
    content_type: str = ""
    encoding: str = ""
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, piece: bytes) -> None:
        """A piece of the reply."""
        self.size += len(piece)
        if self.size <= COPIED_BYTES:
            self.pieces.append(piece)

    def of_a_shadow(self) -> "Copy":
        """The copy, still empty, of what a shadow answers to the same."""
        return Copy(os.urandom(16).hex(), self.headers, self.asked, datetime.now(UTC), shadows=self.id)

    def event(self, intake: Intake) -> Taken:
        """The event it makes.

        Raises:
            chat.Unsaid: nothing was said.
            Unfit: it is none that can be kept.
        """
        if self.size > COPIED_BYTES:
            raise chat.Unsaid("too long")
        request = chat.request_of(self.asked, self.headers.get("content-encoding", ""))
        reply = b"".join(self.pieces), self.encoding, self.content_type
        user = header(self.headers, USER) or request.get("user")
        who = {"user": user[:200] if isinstance(user, str) else None}
        told = {"id": self.id, **who, "created_at": self.began.isoformat()}
        if self.shadows:
            return intake.take(orjson.dumps({"shadows": self.shadows, **chat.answer(*reply), **told}), SHADOW)
        told["group"] = header(self.headers, "heed-group")
        return intake.take(orjson.dumps({**chat.interaction(request, *reply), **told}), INTERACTION)


def header(headers: Headers, name: str) -> str | None:
    """What a header says, in UTF-8 where it is that, its first 200 characters; None where it says nothing."""
    value = headers.get(name, "").strip()
    with suppress(UnicodeDecodeError):
        value = value.encode("latin-1").decode()
    return value[:200] or None
