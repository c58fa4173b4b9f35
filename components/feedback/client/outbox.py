"""What waits to be sent: bounded, in order, shared by threads. Knows nothing of HTTP, nor of what the lines say."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

MOST_LINES = 500
MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One event.

    Attributes:
        number: its place among all there ever were.
        body: its JSON and a newline.
        since: when it came, on the monotonic clock.
    """

    number: int
    body: bytes
    since: float


@dataclass(frozen=True, slots=True)
class Stats:
    """What has become of the events so far.

    Attributes:
        waiting: not settled yet, `waiting_bytes` in all.
        stored: committed by the service.
        duplicate: the service had their id already, as after a reply that was lost.
        refused: the service will never take them; the log says why.
        dropped: there was no room for them, or no time before the end.
        mistaken: they could not even be written down; the log says why.
        retries: times something had to be sent again.
    """

    waiting: int = 0
    waiting_bytes: int = 0
    stored: int = 0
    duplicate: int = 0
    refused: int = 0
    dropped: int = 0
    mistaken: int = 0
    retries: int = 0


class Outbox:
    """Lines in order, some of them taken to be sent.

    Args:
        room: bytes there may be in all.
        linger: seconds a line may wait for company.
    """

    def __init__(self, room: int, linger: float) -> None:
        self.changed = threading.Condition()
        self._room, self._linger = room, linger
        self._waiting: deque[Line] = deque()
        self._taken: list[Line] = []
        self._bytes = self._waiting_bytes = self._last = self._hurried = 0

    def put(self, body: bytes) -> bool:
        """Add a line; False where there is no room."""
        with self.changed:
            if self._bytes + len(body) > self._room:
                return False
            before = self._is_full()
            self._last += 1
            self._waiting.append(Line(self._last, body, time.monotonic()))
            self._bytes += len(body)
            self._waiting_bytes += len(body)
            # Whoever sends is woken by the first of a batch and by the one that fills it, not by each between.
            if len(self._waiting) == 1 or (self._is_full() and not before):
                self.changed.notify_all()
            return True

    def due_in(self) -> float | None:
        """Seconds until lines should be sent; None where none wait."""
        with self.changed:
            if not self._waiting:
                return None
            first = self._waiting[0]
            if self._is_full() or first.number <= self._hurried:
                return 0.0
            return max(0.0, first.since + self._linger - time.monotonic())

    def hurry(self) -> int:
        """Let what waits linger no longer; gives the mark that `settled` takes."""
        with self.changed:
            self._hurried = self._last
            self.changed.notify_all()
            return self._last

    def settled(self, mark: int) -> bool:
        """Whether nothing up to a mark is left."""
        with self.changed:
            oldest = (lines[0].number for lines in (self._taken, self._waiting) if lines)
            return min(oldest, default=mark + 1) > mark

    def take(self, most: int) -> list[Line]:
        """Take the oldest lines, at least one where one waits."""
        with self.changed:
            taken: list[Line] = []
            self._taken = taken
            room = MOST_BYTES
            while self._waiting and len(taken) < most and (not taken or len(self._waiting[0].body) <= room):
                line = self._waiting.popleft()
                room -= len(line.body)
                taken.append(line)
            self._waiting_bytes -= sum(len(line.body) for line in taken)
            return list(taken)

    def put_back(self, lines: Sequence[Line]) -> None:
        """All that was taken is settled but these, which go to the front again."""
        with self.changed:
            self._bytes -= sum(len(line.body) for line in self._taken) - sum(len(line.body) for line in lines)
            self._waiting_bytes += sum(len(line.body) for line in lines)
            self._waiting.extendleft(reversed(lines))
            self._taken = []
            self.changed.notify_all()

    def discard(self) -> int:
        """Throw away what waits; returns how many lines that were."""
        with self.changed:
            thrown = len(self._waiting)
            self._bytes -= self._waiting_bytes
            self._waiting_bytes = 0
            self._waiting.clear()
            self.changed.notify_all()
            return thrown

    def size(self) -> tuple[int, int]:
        """Lines and bytes that are not settled, taken ones too."""
        with self.changed:
            return len(self._waiting) + len(self._taken), self._bytes

    def _is_full(self) -> bool:
        return len(self._waiting) >= MOST_LINES or self._waiting_bytes >= MOST_BYTES
