"""Reading what a request carries, within limits. Knows nothing of what it means."""

from typing import NamedTuple

from fastapi import Request

from components.feedback.capture.refusals import Refused

DISCARDED_BYTES = 16 * 2**20
"""What is read of a body that is too long, so that its sender comes to reading why it was refused."""


def require(request: Request, media_type: str) -> None:
    """Refuse a body that is not of this type, in UTF-8, as it is.

    Raises:
        Refused: 415.
    """
    sent, *parameters = [part.strip().lower() for part in request.headers.get("content-type", "").split(";")]
    if sent != media_type:
        told = f"the body is {sent[:100]}" if sent else "the body does not say what it is"
        raise Refused(415, told, "Content-Type", f"Send it as {media_type}.")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
            raise Refused(415, f"the body is in {value[:100]}", "Content-Type", "Send it in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "the body is compressed", "Content-Encoding", "Send it as it is.")


async def body_of(request: Request, limit: int, setting: str) -> bytes:
    """The whole body.

    Args:
        limit: bytes it may have.
        setting: the name of that limit.

    Raises:
        Refused: 413.
    """
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size <= limit:
            pieces.append(piece)
        elif size > limit + DISCARDED_BYTES:
            break
    if size > limit:
        raise too_long(limit, setting)
    return b"".join(pieces)


def too_long(limit: int, setting: str) -> Refused:
    """The refusal of a body that has more than `limit` bytes."""
    return Refused(413, f"the body is longer than {limit} bytes", "body", f"Send less at a time, or raise {setting}.")


class Line(NamedTuple):
    """One line of a body.

    Attributes:
        number: from 1.
        text: what it says; None where that cannot be taken.
        refusal: why not.
    """

    number: int
    text: bytes | None
    refusal: str = ""


class Lines:
    """Cuts a stream into lines, and holds no more of it than one. Lines of nothing but space are left out, but counted.

    Args:
        limit: bytes a line may have.

    Attributes:
        number: how many lines have ended.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = b""
        self._too_long = False
        self.number = 0

    def cut(self, piece: bytes) -> list[Line]:
        """The lines that end in the next piece of the stream."""
        *ends, rest = piece.split(b"\n")
        lines = [line for end in ends if (line := self._ended(end)) is not None]
        self._keep(rest)
        return lines

    def end(self) -> list[Line]:
        """The last line, where no newline ended it."""
        line = self._ended(b"")
        return [] if line is None else [line]

    def _ended(self, end: bytes) -> Line | None:
        self._keep(end)
        text, too_long = self._rest.strip(), self._too_long
        self._rest, self._too_long = b"", False
        self.number += 1
        if too_long:
            return Line(self.number, None, f"the line is longer than {self._limit} bytes (capture.body_bytes)")
        return Line(self.number, text) if text else None

    def _keep(self, piece: bytes) -> None:
        if len(self._rest) + len(piece) > self._limit:
            self._rest, self._too_long = b"", True
        elif not self._too_long:
            self._rest += piece
