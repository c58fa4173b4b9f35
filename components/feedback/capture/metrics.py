"""What the service counts about itself, for Prometheus. Knows nothing of how it is done."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The counters of one service.

    Attributes:
        registry: where they stand.
        seconds: how long requests took, by route and status.
        unkept: replies of the model that could not be captured, by reason.
        shadows: what a shadow was to answer, by outcome: answered, failed, or left out where too much was under way.
        upstream: answers of the endpoint behind the service, by status; "none" where there was none.
        store_up: whether the store answered when it was last asked.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter("heed_events", "Events by type and status.", ["type", "status"], registry=self.registry)
        self._masked = Counter(
            "heed_masked",
            "Pieces of personal data masked in what was stored, by kind.",
            ["kind"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "heed_request_seconds",
            "How long a request took until its answer was sent whole.",
            ["route", "status"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.unkept = Counter(
            "heed_not_captured", "Replies that could not be captured, by reason.", ["reason"], registry=self.registry
        )
        self.shadows = Counter("heed_shadows", "Answers of a shadow, by outcome.", ["outcome"], registry=self.registry)
        self.upstream = Counter(
            "heed_upstream",
            "Answers of the endpoint behind the service, by status.",
            ["status"],
            registry=self.registry,
        )
        self.store_up = Gauge("heed_store_up", "1 where the store answered when last asked.", registry=self.registry)
        self.store_up.set(1)

    def events(self, type: str, status: str, count: int = 1) -> None:
        """Count events: stored, duplicate, refused, failed or spooled."""
        self._events.labels(type, status).inc(count)
        if status != "refused":
            self.store_up.set(status in ("stored", "duplicate"))

    def masked(self, found: Mapping[str, int]) -> None:
        """Count what was masked in something that was stored."""
        for kind, count in found.items():
            self._masked.labels(kind).inc(count)

    def watch(self, waiting: Callable[[], int], spooled: Callable[[], int]) -> None:
        """Let two more be read off when they are asked for.

        Args:
            waiting: requests that wait for their transaction.
            spooled: bytes that wait on disk for the store.
        """
        Gauge("heed_queue_depth", "Requests that wait for their transaction.", registry=self.registry).set_function(
            waiting
        )
        Gauge("heed_spool_bytes", "Bytes on disk that wait for the store.", registry=self.registry).set_function(
            spooled
        )

    def page(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)
