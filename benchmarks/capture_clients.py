"""Clients of the capture service that cost next to nothing, so that what is measured is the service.

A process of its own: `python -m benchmarks.capture_clients ORDER`, ORDER an `Order` as JSON. It ends when its time is
over, when everything prepared is sent, or when it is told to (SIGTERM), and prints a `Report` as JSON. What is cut off
is sent again under the same ids, as a client that wants to lose nothing does.
"""

import asyncio
import itertools
import json
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httptools
import uvloop

QUESTION = "How do I bake a sourdough bread with a crust that stays crisp until the evening? My oven goes up to 230 °C."
ANSWER = (
    "Let the dough rest overnight in a cold place, then shape it and let it rise for two hours more. Heat the oven "
    "with a closed pot in it, put the bread into the pot, bake it for 25 minutes with the lid on and for 20 minutes "
    "without. Let it cool on a rack: a bread that is cut while it is hot goes soft."
)
SIGNATURE = " Write to baker@example.com for the recipe."
SIGNED = 10
"""One answer in so many has an address in it that must be masked."""

Sending = tuple[list[str], bytes]
"""The ids of the events in a request, and the request."""


@dataclass
class Order:
    """What to send.

    Attributes:
        port: of the service on this machine.
        name: the beginning of every id, different in every run.
        clients: how many send at a time, each waiting for its answer.
        seconds: how long.
        lines: events in a batch; 0 sends single events.
        batches: how many batches each client prepares before the time runs; 0 makes them as they are needed.
        acknowledged: a file to write the ids to that the service has acknowledged.
    """

    port: int
    name: str
    clients: int
    seconds: float = 3600.0
    lines: int = 0
    batches: int = 0
    acknowledged: str = ""


@dataclass
class Report:
    """How many events were acknowledged, in how many seconds, how long each answer took, and which ids they had."""

    events: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


def event(id: str, number: int) -> bytes:
    """An interaction as an application sends it, about 600 bytes."""
    told = {
        "type": "interaction",
        "id": id,
        "prompt": [{"role": "system", "content": "You are a baker."}, {"role": "user", "content": QUESTION}],
        "response": ANSWER + (SIGNATURE if number % SIGNED == 0 else ""),
        "model": "gpt-x-2026-01",
        "user": f"user-{number % 1000}",
        "created_at": "2026-01-31T12:00:00Z",
    }
    return json.dumps(told).encode()


def sendings(order: Order, client: int) -> Iterator[Sending]:
    """What a client sends, one after the other."""
    for number in itertools.count() if not order.batches else range(order.batches):
        if order.lines:
            ids = [f"{order.name}-{client}-{number}-{line}" for line in range(order.lines)]
            body = b"\n".join(event(id, line) for line, id in enumerate(ids))
            yield ids, _request("/v1/batch", body, "application/x-ndjson")
        else:
            id = f"{order.name}-{client}-{number}"
            yield [id], _request("/v1/interactions", event(id, number), "application/json")


def _request(path: str, body: bytes, media_type: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: heed\r\ncontent-type: {media_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def acknowledged(sent: Sending, status: int, answer: bytes) -> list[str]:
    """The ids that an answer says are kept."""
    ids, _ = sent
    if status not in (200, 201):
        return []
    if len(ids) == 1 or answer.count(b'"status":"stored"') == len(ids):
        return ids
    verdicts = map(json.loads, answer.splitlines())
    return [verdict["id"] for verdict in verdicts if verdict["status"] in ("stored", "duplicate")]


class Connection(asyncio.Protocol):
    """One connection that sends a request and waits for its answer."""

    def __init__(self) -> None:
        self._body: list[bytes] = []
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), b"".join(self._body)))
        self._body = []

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError("cut off"))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The status and body that a request is answered with."""
        if self._transport.is_closing():
            raise ConnectionError("cut off")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


async def _client(order: Order, sending: Iterator[Sending], over: asyncio.Event, report: Report) -> None:
    loop = asyncio.get_running_loop()
    connection: Connection | None = None
    sent: Sending | None = None
    while not over.is_set() and (sent := sent or next(sending, None)):
        began = time.perf_counter()
        try:
            if connection is None:
                _, connection = await loop.create_connection(Connection, "127.0.0.1", order.port)
            status, answer = await connection.ask(sent[1])
        except OSError:
            connection = None
            await asyncio.sleep(0.02)
            continue
        report.latencies.append(time.perf_counter() - began)
        ids = acknowledged(sent, status, answer)
        report.events += len(ids)
        if order.acknowledged:
            report.ids += ids
        sent = None


async def run(order: Order) -> Report:
    """Send what is ordered."""
    report, over, loop = Report(), asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    sending = [sendings(order, client) for client in range(order.clients)]
    if order.batches:
        sending = [iter(list(mine)) for mine in sending]
    timer = loop.call_later(order.seconds, over.set)
    began = time.perf_counter()
    await asyncio.gather(*(_client(order, mine, over, report) for mine in sending))
    report.seconds = time.perf_counter() - began
    timer.cancel()
    return report


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    report = uvloop.run(run(order))
    if order.acknowledged:
        Path(order.acknowledged).write_text("\n".join(report.ids))
        report.ids, report.latencies = [], []  # nobody reads along, and a pipe holds little
    print(json.dumps(asdict(report)))


if __name__ == "__main__":
    main()
