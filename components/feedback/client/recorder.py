"""What both clients take from a caller, without ever failing or waiting. Knows nothing of how it is sent."""

# encodings.idna and httpcore are what httpx would load when it first sends, in a thread of ours: a process that forks
# in the middle of that would leave its child half of them.
import encodings.idna  # noqa: F401
import os
import threading
import time
import uuid
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import httpcore  # noqa: F401
import httpx

from components.feedback.client import events
from components.feedback.client.delivery import Batch, Complaints, Delivery
from components.feedback.client.events import Conversation, Kind, Time
from components.feedback.client.outbox import Outbox, Stats

LINGER = 0.5
EXIT_SECONDS = 5.0
# As where the environment names a proxy that httpx cannot use.
CANNOT_SEND = "heed cannot send on this machine: %s"


class Recorder:
    """Writes events down and puts them into an outbox.

    Whatever a caller does wrong is logged and counted, never raised: hearing users must not break what they use.
    """

    def __init__(self, url: str, key: str | None, timeout: float, room: int) -> None:
        self.url = f"{url.rstrip('/')}/v1/batch"
        self.headers = {b"content-type": b"application/x-ndjson"}
        if key:
            self.headers[b"authorization"] = f"Bearer {key.strip()}".encode("utf-8", "replace")
        self.timeout = httpx.Timeout(timeout, connect=min(timeout, 5.0))
        self._room = room
        # Made here and not in a thread: OpenSSL does not bear a fork in the middle of it.
        self._trusted = httpx.create_ssl_context()
        self._closed = self._over = False
        self._begin()
        _LIVING.add(self)

    def _begin(self) -> None:
        """Start with nothing to send: when made, and again in a forked child, whose parent sends what there was."""
        self._outbox = Outbox(self._room, LINGER)
        self._counts = Counter(stored=0, duplicate=0, refused=0, dropped=0, mistaken=0, retries=0)
        self._complaints = Complaints()
        self._delivery = Delivery(self._outbox, self._counts, self._complaints)
        self._lock = threading.Lock()

    def interaction(
        self,
        prompt: Conversation,
        response: Conversation,
        *,
        model: str | None = None,
        user: str | None = None,
        group: str | None = None,
        language: str | None = None,
        source: str | None = None,
        created_at: Time | None = None,
        id: str | None = None,
    ) -> str:
        """Record what a user asked and a model answered.

        Args:
            prompt: a text by the user, or messages with `role` and `content` that do not end with the assistant's.
            response: a text by the assistant, or messages.
            user: who asked; the service keeps only a keyed hash of it.
            created_at: when; now where it is not given. Without a time zone it is this machine's.
            id: yours, 1 to 200 characters; else one is made.

        Returns:
            The interaction's id, for feedback about it.
        """
        said: dict[str, Any] = {"prompt": prompt, "response": response, "model": model, "language": language}
        said |= {"user": user, "group": group, "source": source, "created_at": created_at}
        return self._record(events.interaction, id, said)

    def feedback(
        self,
        interaction: str,
        kind: Kind,
        *,
        score: float | None = None,
        aspect: str | None = None,
        other: str | None = None,
        position: int | None = None,
        text: str | None = None,
        user: str | None = None,
        group: str | None = None,
        source: str | None = None,
        created_at: Time | None = None,
        id: str | None = None,
    ) -> str:
        """Record one thing a user did about an interaction.

        Args:
            interaction: its id. For a choice, the one preferred.
            score: thumb: -1 or 1. rating: from -1, the worst, to 1.
            aspect: rating: of what; of the whole answer where it is not given.
            other: choice: the interaction passed over. regenerate: the one that came instead.
            position: choice: where the one preferred was shown, 1 = first, 2 = second.
            text: edit: what the user made of the answer. followup, comment: their words.

        Returns:
            The id of the feedback.
        """
        said: dict[str, Any] = {
            "interaction": interaction,
            "kind": kind,
            "score": score,
            "aspect": aspect,
            "other": other,
            "position": position,
        }
        said |= {"text": text, "user": user, "group": group, "source": source, "created_at": created_at}
        return self._record(events.feedback, id, said)

    def thumb(self, interaction: str, up: bool, *, user: str | None = None) -> str:
        """Record a thumb, up or down; returns its id."""
        return self.feedback(interaction, "thumb", score=1 if up else -1, user=user)

    @property
    def stats(self) -> Stats:
        """What has become of the events so far."""
        waiting, size = self._outbox.size()
        return Stats(waiting=waiting, waiting_bytes=size, **self._counts)

    def _record(self, write: Callable[[Mapping[str, Any]], bytes], id: str | None, said: dict[str, Any]) -> str:
        name = id or uuid.uuid4().hex
        try:
            body = write({"id": name, **said, "created_at": said["created_at"] or time.time()})
        except Exception as error:
            self._count("mistaken")
            self._complaints.say(f"mistake: {error}", "heed cannot record an event: %s", error)
            return name
        try:
            self._keep(body)
        except Exception:
            # A new thread may be refused, as while the interpreter ends; what was put down stays for the last flush.
            self._complaints.say("wake", "heed cannot send in the background now")
        return name

    def _keep(self, body: bytes) -> None:
        if self._closed or not self._outbox.put(body):
            self._count("dropped")
            why = "the client is closed" if self._closed else "too much is waiting to be sent"
            self._complaints.say("dropped", "heed drops events: %s (%d so far)", why, self._counts["dropped"])
        else:
            self._wake()

    def _count(self, what: str, by: int = 1) -> None:
        with self._lock:
            self._counts[what] += by

    def _wake(self) -> None:
        """See to it that somebody sends."""
        raise NotImplementedError

    def _end(self, deadline: float) -> None:
        """Send what there is, until `deadline` on the monotonic clock, and nothing after."""
        raise NotImplementedError

    def _drain(self, deadline: float) -> None:
        """Send what waits here and now, where nobody is left to do it in the background."""
        if not self._outbox.size()[0]:
            return
        with httpx.Client(headers=self.headers, verify=self._trusted) as http:
            while self._outbox.size()[0] and (left := deadline - time.monotonic()) > 0:
                http.timeout = httpx.Timeout(left)
                batch = self._delivery.next()
                post(http, self.url, batch)
                time.sleep(min(self._delivery.settle(batch), max(0.0, deadline - time.monotonic())))

    def _give_up(self) -> None:
        self._over = True
        left = self._outbox.discard()
        if left:
            self._count("dropped", left)
            self._complaints.say("given up", "heed had no time left to send %d events", left)


def post(http: httpx.Client, url: str, batch: Batch) -> None:
    """Send a batch and hear its verdicts; trouble of any sort is noted in the batch."""
    try:
        with http.stream("POST", url, content=batch.body) as reply:
            if batch.answered(reply.status_code, reply.headers):
                for chunk in reply.iter_bytes():
                    batch.hear(chunk)
    except Exception as error:
        batch.trouble = f"{url} cannot be reached: {error or type(error).__name__}"


_LIVING: weakref.WeakSet[Recorder] = weakref.WeakSet()


def end_all() -> None:
    """At the interpreter's end: whatever waits is sent, within a few seconds for all clients together."""
    deadline = time.monotonic() + EXIT_SECONDS
    for recorder in list(_LIVING):
        recorder._end(deadline)


def _begin_all() -> None:
    for recorder in list(_LIVING):
        recorder._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all)
