"""A batch: lines in, verdicts out, both as streams, and neither ever whole in memory. Knows nothing of access.

Four hands in a row: one reads lines, one makes events of them, one commits, one sends verdicts. Whoever is behind lets
the others wait, but for the last: a caller may well send everything before it reads a word, so verdicts it does not
take wait on disk.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

import orjson
from fastapi import Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from components.feedback.capture.beside import Beside
from components.feedback.capture.bodies import Line, Lines
from components.feedback.capture.events import Unfit
from components.feedback.capture.intake import Taken
from components.feedback.capture.metrics import Metrics
from components.feedback.capture.store import StoreDown
from components.feedback.capture.writer import Writer

CHUNK_LINES = 2_000
CHUNK_BYTES = 2**20
"""What is taken in together, and what is read ahead."""

GATHERING = 0.005
"""Seconds: what follows on the heels of the first lines is taken in together with them."""

OTHER_LINE_ENDS = [(sign.encode(), f"\\u{ord(sign):04x}".encode()) for sign in "\x85\u2028\u2029"]
"""Signs that JSON may have in a text and that many a client takes for the end of a line."""

KEPT = b'{"line":%d,"id":%b,"status":"%b","masked":%d}\n'
"""What most verdicts say, put together the quick way."""

NOT_KEPT = "the store does not answer; send this line again"

VERDICTS_IN_MEMORY = 2**20
VERDICTS_AT_ONCE = 2**16
"""Bytes."""


@dataclass(frozen=True)
class Batch(Response):
    """The answer to a batch, which takes it in while it is sent.

    Attributes:
        pieces: what comes in.
        limit: bytes it may have.
        line_limit: bytes each line of it may have.
        intake: makes events of lines.
        aside: where somebody waits for it.
        writer: keeps them.
        metrics: where they are counted.
    """

    pieces: AsyncIterator[bytes]
    limit: int
    line_limit: int
    intake: Beside
    aside: Executor
    writer: Writer
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/x-ndjson"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        ahead, made, outbox = _Ahead(), asyncio.Queue[list[_Made]](1), _Outbox()
        async with asyncio.TaskGroup() as hands:
            hands.create_task(self._read(ahead))
            hands.create_task(self._make(ahead, made))
            hands.create_task(self._commit(made, outbox))
            hands.create_task(_send(outbox, send))

    async def _read(self, ahead: "_Ahead") -> None:
        lines, size = Lines(self.line_limit), 0
        try:
            async for piece in self.pieces:
                size += len(piece)
                if size > self.limit:
                    await ahead.put([Line(lines.number + 1, None, f"the batch is longer than {self.limit} bytes")])
                    break
                await ahead.put(lines.cut(piece))
            else:
                await ahead.put(lines.end())
        except ClientDisconnect:
            pass  # the last line may be torn, and there is nobody to tell of the others
        await ahead.close()

    async def _make(self, ahead: "_Ahead", made: "asyncio.Queue[list[_Made]]") -> None:
        loop = asyncio.get_running_loop()
        while lines := await ahead.take():
            await made.put(await loop.run_in_executor(self.aside, self._made, lines))
        await made.put([])

    def _made(self, lines: list[Line]) -> list["_Made"]:
        taken = iter(self.intake.take_all([line.text for line in lines if line.text is not None]))
        return [_Made(line.number, Unfit(line.refusal) if line.text is None else next(taken)) for line in lines]

    async def _commit(self, made: "asyncio.Queue[list[_Made]]", outbox: "_Outbox") -> None:
        down = False
        while lines := await made.get():
            events = [line.taken.event for line in lines if isinstance(line.taken, Taken)]
            new: list[bool] | None = None
            if not down:
                try:
                    new = await self.writer.commit(events) if events else []
                except StoreDown:
                    down = True  # for the rest of the batch: it would wait as long for every chunk
            outbox.put(self._verdicts(lines, new))
        outbox.close()

    def _verdicts(self, lines: list["_Made"], new: list[bool] | None) -> bytes:
        """What came of some lines, where `new` says of each event whether it is, None where none was kept."""
        kept = iter(new or ())
        counts: Counter[tuple[str, str]] = Counter()
        masked: Counter[str] = Counter()
        told = []
        for number, taken in lines:
            if isinstance(taken, Unfit):
                counts["unknown", "refused"] += 1
                told.append(_verdict(number, status="refused", reason=taken.what))
                continue
            event, found = taken
            if new is None:
                counts[event.type, "failed"] += 1
                told.append(_verdict(number, id=event.id, status="failed", reason=NOT_KEPT))
                continue
            status = "stored" if next(kept) else "duplicate"
            counts[event.type, status] += 1
            if found and status == "stored":
                masked.update(found)
            told.append(KEPT % (number, orjson.dumps(event.id), status.encode(), sum(found.values())))
        self.metrics.masked(masked)
        for (type, status), count in counts.items():
            self.metrics.events(type, status, count)
        verdicts = b"".join(told)
        for sign, escaped in OTHER_LINE_ENDS:
            verdicts = verdicts.replace(sign, escaped)
        return verdicts


def _verdict(number: int, **told: str) -> bytes:
    return orjson.dumps({"line": number, **told}, option=orjson.OPT_APPEND_NEWLINE)


class _Made(NamedTuple):
    number: int
    taken: Taken | Unfit


async def _send(outbox: "_Outbox", send: Send) -> None:
    while verdicts := await outbox.take():
        await send({"type": "http.response.body", "body": verdicts, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Ahead:
    """Lines that were read and not yet taken. Whatever there is can be taken; when there is enough, reading waits."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._bytes = 0
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, lines: list[Line]) -> None:
        """Add some, then wait until there is room for more."""
        async with self._changed:
            self._lines += lines
            self._bytes += sum(len(line.text or b"") for line in lines)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: len(self._lines) < CHUNK_LINES and self._bytes < CHUNK_BYTES)

    async def take(self) -> list[Line]:
        """What there is, at least one, at most a chunk; none at the end."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._lines or self._closed)
        if not self._closed:
            await asyncio.sleep(GATHERING)
        async with self._changed:
            taken, self._lines = self._lines[:CHUNK_LINES], self._lines[CHUNK_LINES:]
            self._bytes -= sum(len(line.text or b"") for line in taken)
            self._changed.notify_all()
        return taken

    async def close(self) -> None:
        """There are no more."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()


class _Outbox:
    """Verdicts that are not yet sent; more than a little of them is kept in a file."""

    def __init__(self) -> None:
        self._file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(VERDICTS_IN_MEMORY)  # noqa: SIM115
        self._written = self._sent = 0
        self._closed = False
        self._more = asyncio.Event()

    def put(self, verdicts: bytes) -> None:
        self._file.seek(self._written)
        self._written += self._file.write(verdicts)
        self._more.set()

    async def take(self) -> bytes:
        """The next ones; none at the end."""
        while self._sent == self._written and not self._closed:
            self._more.clear()
            await self._more.wait()
        self._file.seek(self._sent)
        verdicts = self._file.read(VERDICTS_AT_ONCE)
        self._sent += len(verdicts)
        if self._sent == self._written:
            self._file.seek(0)
            self._file.truncate()
            self._sent = self._written = 0
        return verdicts

    def close(self) -> None:
        """There are no more."""
        self._closed = True
        self._more.set()
