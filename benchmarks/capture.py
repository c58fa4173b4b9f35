"""How much does the capture service take in, and what of it does a SIGKILL cost?

    make bench-capture       (HEED_BENCH_STORE=postgresql://… kills it on PostgreSQL as well)

32 clients send single events, then batches of a thousand, each waiting for its answer, which comes after the commit.
The clients are a process of their own on the same cores. The peer is FastAPI with SQLAlchemy, committing each request
by itself, on the same SQLite (`benchmarks.capture_services`), in the same run.

Then the service is killed twenty times under such a load, and started again each time. Every event that was
acknowledged has to be in the store exactly once. Exits with 1 where it is not, or where heed is too slow.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.capture_clients import Order, Report
from components.feedback.capture.store import Store

CLIENTS = 32
SECONDS = 10.0
LINES = 1000
BATCHES = {"heed": 10, "peer": 1}
"""For each client; the peer takes its time."""

KILLS = 20
SINGLES_AT_LEAST, P99_AT_MOST, BATCHED_AT_LEAST = 1_500, 0.060, 40_000


@dataclass(frozen=True)
class Killing:
    """What a service that was killed again and again had acknowledged, and what became of it."""

    acknowledged: int
    lost: int
    doubled: int


@contextmanager
def serving(which: str, folder: Path, *settings: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A service that answers: its port and its process."""
    command = [sys.executable, "-m", "benchmarks.capture_services", which, str(folder), *settings]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield int(process.stdout.readline()), process
        finally:
            process.kill()


def sent(order: Order) -> Report:
    """What comes of an order."""
    return _report(_clients(order))


def killed(folder: Path, url: str, kills: int, lives: tuple[float, float] = (0.3, 1.5)) -> Killing:
    """Kill a service again and again under load.

    Args:
        folder: its workspace.
        url: its store.
        kills: how often.
        lives: the shortest and the longest time from an answer to a kill, in seconds.
    """
    dice, port = random.Random(0), 0
    clients: list[subprocess.Popen[str]] = []
    files = [folder / "singles", folder / "batches"]
    for _ in range(kills):
        with serving("heed", folder, f"capture.port={port}", f"capture.store={url}") as (port, process):
            if not clients:
                orders = (Order(port, "s", 16, acknowledged=str(files[0])), Order(port, "b", 4, lines=500))
                orders[1].acknowledged = str(files[1])
                clients = [_clients(order) for order in orders]
            time.sleep(dice.uniform(*lives))
            process.send_signal(signal.SIGKILL)
    for client in clients:
        client.terminate()
        _report(client)
    acknowledged = Counter(id for file in files for id in file.read_text().splitlines())
    stored = _stored(url)
    return Killing(
        acknowledged=len(acknowledged),
        lost=sum(id not in stored for id in acknowledged),
        doubled=sum(times > 1 for times in stored.values()),
    )


def _clients(order: Order) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.capture_clients", json.dumps(asdict(order))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _report(clients: subprocess.Popen[str]) -> Report:
    told, _ = clients.communicate()
    return Report(**json.loads(told))


def _stored(url: str) -> Counter[str]:
    store, stored, position = Store(url), Counter[str](), 0
    for _ in count():
        some = store.after(position, 10_000)
        if not some:
            break
        stored.update(orjson.loads(event.body)["id"] for event in some)
        position = some[-1].position
    store.close()
    return stored


def _row(table: Table, what: str, which: str, report: Report, peer: float | None) -> float:
    rate = report.events / report.seconds
    p50, p99 = np.quantile(report.latencies, [0.5, 0.99])
    ratio = f"{rate / peer:.1f}" if peer else "1.0"
    table.add_row(what, which, f"{rate:,.0f}", f"{p50 * 1000:.1f}", f"{p99 * 1000:.1f}", ratio)
    return rate


def main() -> None:
    table = Table("sent", "service", "events/s", "p50, ms", "p99, ms", "times the peer")
    reports: dict[tuple[str, str], Report] = {}
    for which in ("peer", "heed"):
        with tempfile.TemporaryDirectory() as scratch, serving(which, Path(scratch)) as (port, _):
            reports["single events", which] = sent(Order(port, "s", CLIENTS, SECONDS))
            reports["batches", which] = sent(Order(port, "b", CLIENTS, lines=LINES, batches=BATCHES[which]))
    rates = {}
    for what in ("single events", "batches"):
        peer = _row(table, what, "peer", reports[what, "peer"], None)
        rates[what] = _row(table, what, "heed", reports[what, "heed"], peer)
    out = Console(highlight=False)
    out.print(table)

    sound = True
    for url in dict.fromkeys(("", os.environ.get("HEED_BENCH_STORE", ""))):
        sound &= _kill(url, out)
    p99 = float(np.quantile(reports["single events", "heed"].latencies, 0.99))
    quick = rates["single events"] >= SINGLES_AT_LEAST and rates["batches"] >= BATCHED_AT_LEAST and p99 <= P99_AT_MOST
    out.print(
        f"at least {SINGLES_AT_LEAST:,} and {BATCHED_AT_LEAST:,} events/s, p99 at most {P99_AT_MOST * 1000:.0f} ms"
    )
    sys.exit(not (sound and quick))


def _kill(url: str, out: Console) -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        done = killed(Path(scratch), url or f"sqlite:///{scratch}/capture.db", KILLS)
    store = "PostgreSQL" if url else "SQLite"
    out.print(f"{store}, {KILLS} kills: {done.acknowledged:,} acknowledged, {done.lost} lost, {done.doubled} doubled")
    return done.acknowledged > 0 and done.lost == done.doubled == 0


if __name__ == "__main__":
    main()
