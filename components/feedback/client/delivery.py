"""What to send next, and what its answer means: verdicts, retries, pauses. Does no input or output itself."""

import json
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from components.feedback.client.outbox import MOST_LINES, Line, Outbox

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 60.0
LONGEST_OBEYED = 300.0
# Whole requests the service will never take, whenever they are sent.
HOPELESS = (400, 413, 415, 422)

log = logging.getLogger("heed.client")


class Complaints:
    """Warnings in the log, at most one a minute about one thing."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def say(self, about: str, message: str, *arguments: object) -> None:
        now = time.monotonic()
        with self._lock:
            if now - self._last.get(about, -60.0) < 60.0:
                return
            if len(self._last) > 1000:
                self._last.clear()
            self._last[about] = now
        log.warning(message, *arguments)


class Batch:
    """Lines sent together, and what has become of each."""

    def __init__(self, lines: Sequence[Line], counts: Counter[str], complaints: Complaints) -> None:
        self.open = dict(enumerate(lines, 1))
        self.body = b"".join(line.body for line in lines)
        self.status = 0
        self.retry_after = 0.0
        self.trouble = ""
        self._rest = b""
        self._counts, self._complaints = counts, complaints

    def answered(self, status: int, headers: Mapping[str, str]) -> bool:
        """Note how the service answered; True where verdicts follow."""
        self.status = status
        if 200 <= status < 300:
            return True
        self.retry_after = _seconds(headers.get("retry-after", ""))
        self.trouble = f"the service answered {status}"
        return False

    def hear(self, chunk: bytes) -> None:
        """Take in some of the verdicts, wherever they were cut."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._judge(line)

    def _judge(self, text: bytes) -> None:
        try:
            verdict = json.loads(text)
            place, status = verdict["line"], verdict["status"]
            known = place in self.open
        except (ValueError, TypeError, KeyError):
            return  # no verdict: its line stays open, and is sent again
        if not known:
            return
        if status == "refused":
            self.refuse(place, str(verdict.get("reason", "")))
        elif status in ("stored", "duplicate"):
            del self.open[place]
            self._counts[status] += 1
        else:
            self.trouble = f"the service could not keep an event: {verdict.get('reason', status)}"

    def refuse(self, place: int, reason: str) -> None:
        """A line will never be taken."""
        line = self.open.pop(place)
        self._counts["refused"] += 1
        shown = line.body[:200].decode("utf-8", "replace").strip()
        self._complaints.say(f"refused: {reason}", "heed refuses an event for good: %s: %s", reason, shown)


class Delivery:
    """The course of sending: as many lines as go well together, and longer pauses the longer it fails."""

    def __init__(self, outbox: Outbox, counts: Counter[str], complaints: Complaints) -> None:
        self._outbox, self._counts, self._complaints = outbox, counts, complaints
        self._most = MOST_LINES
        self._pause = FIRST_PAUSE

    def next(self) -> Batch:
        """Take what is to be sent next."""
        return Batch(self._outbox.take(self._most), self._counts, self._complaints)

    def settle(self, batch: Batch) -> float:
        """Draw the conclusions of a request that is over; gives the seconds to wait before the next."""
        if batch.status in HOPELESS:
            self._narrow(batch)
        left = list(batch.open.values())
        self._outbox.put_back(left)
        if not left:
            self._pause = FIRST_PAUSE
            self._most = min(MOST_LINES, self._most * 2)
            return 0.0
        self._counts["retries"] += 1
        if batch.status in HOPELESS:
            return 0.0
        trouble = batch.trouble or "the service broke off its answer"
        self._complaints.say("trouble", "heed: %s; %d events wait and are sent again", trouble, self._outbox.size()[0])
        pause, self._pause = self._pause * random.uniform(0.5, 1.0), min(LONGEST_PAUSE, self._pause * 2)
        return max(pause, batch.retry_after)

    def _narrow(self, batch: Batch) -> None:
        """Send half as much the next time, until the one line that is not taken stands alone."""
        if len(batch.open) == 1:
            batch.refuse(next(iter(batch.open)), batch.trouble)
        else:
            self._most = max(1, len(batch.open) // 2)


def _seconds(retry_after: str) -> float:
    """The seconds a Retry-After header asks for; 0 where it says nothing that can be read."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return min(LONGEST_OBEYED, max(0.0, seconds))
