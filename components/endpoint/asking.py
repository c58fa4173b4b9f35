"""Asks a language model many things at once. Knows what an endpoint may do wrong, and nothing of what it is asked."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rich.markup import escape

from components.config import settings as config
from components.endpoint.memory import opened
from components.endpoint.outcomes import Outcome, Unanswered, by_model, failure, mendable, read
from components.endpoint.reading import Shape
from components.progress import console, step
from components.records.errors import BadInput
from components.records.messages import Message

if TYPE_CHECKING:
    from openai import OpenAI

MAX_TOKENS = 2048  # the most an answer may have: room to think aloud first; a shorter answer costs no more for it
RETRIES = 3
GIVE_UP = 25  # failures in a row after which the rest is not tried

Told = tuple[str, Outcome | Exception]
"""What came of the request of a key."""


@dataclass(frozen=True)
class Request:
    """One thing to ask.

    Attributes:
        messages: the conversation that the model is to continue.
        shape: the JSON object wanted; servers that can hold a model to it are told to. None for free text.
    """

    messages: Sequence[Message]
    shape: type[Shape] | None = None


class Endpoint:
    """A model that is asked over HTTP, and what it answered before.

    Args:
        settings: the section `endpoint`.
        memory: the SQLite file that remembers.

    Raises:
        BadInput: the settings name no model, or nothing that can be connected to.
    """

    def __init__(self, settings: config.Endpoint, memory: Path) -> None:
        _check(settings)
        self.settings, self.memory, self.model = settings, memory, settings.model
        self._create: Callable[..., Any] = _client(settings).chat.completions.create
        self._lock = threading.Lock()
        self._asked = 0  # requests
        self._failures = 0  # in a row
        self._served = False  # whether it has answered anything
        self._form = 0  # the fullest form of a request that it is known to take

    def ask(self, requests: Sequence[Request], label: str) -> list[Outcome]:
        """Ask what is not remembered, `parallel` at a time, and remember it.

        Whatever goes wrong with a request is its outcome. One asked several times is asked once. A retry of a request
        that the server failed to answer is part of it and takes nothing from the budget.

        Args:
            requests: n of them.
            label: what a person at the terminal is shown.

        Returns:
            n outcomes, in the order of the requests.

        Raises:
            BadInput: nothing can be asked before a person does something: no connection, no such model, no entry.
        """
        keys = [self._key(request) for request in requests]
        self._failures = 0
        with opened(self.memory) as memory, step(label, total=len(requests)) as advance:
            known = {key: outcome for key, outcome in zip(keys, memory.recall(keys), strict=True) if outcome}
            waiting = {key: request for key, request in zip(keys, requests, strict=True) if key not in known}
            done = len(requests) - len(waiting)
            for key, outcome in self._answers(waiting):
                known[key] = outcome
                memory.keep(key, self.model, outcome)
                done += 1
                advance(done)
        return [known[key] for key in keys]

    def recall(self, requests: Sequence[Request]) -> list[Outcome | None]:
        """What is remembered of each request, None where nothing is."""
        with opened(self.memory) as memory:
            return memory.recall([self._key(request) for request in requests])

    def remember(self, outcomes: Sequence[tuple[Request, Outcome]]) -> None:
        """Keep what the model said of requests in another way, as when it was asked several of them in one."""
        with opened(self.memory) as memory, memory.at_once():
            for request, outcome in outcomes:
                memory.keep(self._key(request), self.model, outcome)

    def _key(self, request: Request) -> str:
        """The request by all that the answer depends on."""
        shape = request.shape and _schema(request.shape)
        asked = [self.settings.base_url, self.model, list(request.messages), shape, MAX_TOKENS]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def _answers(self, waiting: Mapping[str, Request]) -> Iterator[tuple[str, Outcome]]:
        """Outcomes by key, each as soon as it is there.

        The threads are daemons: a command that ends by Ctrl-C does not wait for servers that hang.
        """
        left, told = iter(waiting.items()), SimpleQueue[Told]()
        over = threading.Event()

        def work() -> None:
            while not over.is_set():
                with self._lock:
                    item = next(left, None)
                if item is None:
                    return
                key, request = item
                try:
                    told.put((key, self._answer(request)))
                except Exception as error:
                    told.put((key, error))

        for _ in range(min(self.settings.parallel, len(waiting))):
            threading.Thread(target=work, name="endpoint", daemon=True).start()
        try:
            for _ in waiting:
                key, outcome = _next(told)
                if isinstance(outcome, Exception):
                    raise outcome
                yield key, outcome
        finally:
            over.set()

    def _answer(self, request: Request) -> Outcome:
        """One outcome, in a thread of the pool."""
        outcome: Outcome = Unanswered(f"it failed {GIVE_UP} times in a row and was asked no more", "server")
        forms = self._forms(request)
        for form in range(self._form, len(forms)):
            if self._failures >= GIVE_UP:
                break
            if form and forms[form] == forms[form - 1]:
                continue
            if not self._spend():
                return Unanswered(f"the budget of {self.settings.budget} requests is spent (endpoint.budget)", "budget")
            outcome, refused = self._sent(request, forms[form])
            if not refused:
                self._form = max(self._form, form) if by_model(outcome) else self._form
                break
        return outcome

    def _forms(self, request: Request) -> list[dict[str, Any]]:
        """The ways to put a request, fullest first. Not every server takes a JSON schema, and some models take neither
        a temperature nor `max_tokens`."""
        plain: dict[str, Any] = {}
        bounded = {"temperature": 0, "max_tokens": MAX_TOKENS}
        if request.shape is None:
            return [bounded, bounded, plain]
        schema = {"name": request.shape.__name__, "schema": _schema(request.shape), "strict": True}
        return [bounded | {"response_format": {"type": "json_schema", "json_schema": schema}}, bounded, plain]

    def _sent(self, request: Request, form: Mapping[str, Any]) -> tuple[Outcome, bool]:
        """What came of sending it, and whether the server would not take it in this form.

        Raises:
            BadInput: nothing was ever answered, and a person can mend it.
        """
        import openai

        secret = self.settings.api_key.get_secret_value()
        refused = False
        try:
            outcome = read(self._create(model=self.model, messages=list(request.messages), **form))
        except Exception as error:  # what a server sends can break any reader of it, and must not end the command
            bad = None if self._served else mendable(error, self.settings.base_url, self.model, secret)
            if bad:
                raise bad from None
            outcome = failure(error, self.settings.timeout, secret)
            refused = isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError)
        with self._lock:
            self._served |= by_model(outcome)
            # A server that takes no request at all, as one that has another model, is no better than one that fails.
            failed = not self._served or (isinstance(outcome, Unanswered) and outcome.cause == "server")
            self._failures = self._failures + 1 if failed else 0
        return outcome, refused

    def _spend(self) -> bool:
        """Take a request out of the budget; False where it is spent."""
        with self._lock:
            left = self._asked < self.settings.budget
            self._asked += left
            return left


def _next(queue: SimpleQueue[Told]) -> Told:
    """What comes next; wakes now and then, because where Polars is loaded Ctrl-C does not end a wait."""
    while True:
        with suppress(Empty):
            return queue.get(timeout=0.2)


@cache
def _schema(shape: type[Shape]) -> dict[str, Any]:
    return shape.model_json_schema()


def _check(settings: config.Endpoint) -> None:
    """See that the settings could lead to a model."""
    if not settings.base_url or not settings.model:
        missing = "endpoint.base_url" if not settings.base_url else "endpoint.model"
        fix = 'Set it in heed.toml, as base_url = "http://localhost:8000/v1" and model = "…" under [endpoint].'
        raise BadInput("no language model to ask", missing, fix)
    if not _is_web_address(settings.base_url):
        raise BadInput(f"{settings.base_url!r} is no web address", "endpoint.base_url", "Write it as https://host/v1.")
    key = settings.api_key.get_secret_value()
    if not (key.isascii() and key.isprintable()) or key != key.strip():
        raise BadInput("the key has signs that no key has", "endpoint.api_key", "Copy it again, without line breaks.")


def _is_web_address(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that is none, a bracket left open
        return False


def _client(settings: config.Endpoint) -> "OpenAI":
    import openai

    # The library must not fall back to the key in its own environment variable, which is meant for another server.
    key = settings.api_key.get_secret_value() or "none"
    return openai.OpenAI(base_url=settings.base_url, api_key=key, timeout=settings.timeout, max_retries=RETRIES)


@cache
def shared(settings: config.Endpoint, memory: Path) -> Endpoint:
    """The process's one endpoint of these settings: whatever a command asks, in several places, is one budget.

    Raises:
        BadInput: as `Endpoint`.
    """
    return Endpoint(settings, memory)


def tell(label: str, reasons: Sequence[str], total: int) -> None:
    """Say on the terminal how much of what was asked has no answer, and why; nothing where all has one.

    Args:
        label: what was asked, as the subject of a sentence.
        reasons: one for each that has none.
        total: how many there are in all.
    """
    if reasons:
        counted = "; ".join(f"{count} × {reason}" for reason, count in Counter(reasons).most_common(3))
        rest = len(set(reasons)) - 3
        more = f"; and {rest} other reasons" if rest > 0 else ""
        console.print(escape(f"  ! {label}: {len(reasons)} of {total} without an answer: {counted}{more}"))
