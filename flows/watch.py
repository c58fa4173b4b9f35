"""Watch: tells Prefect what users said, and when it is enough for a retraining. What follows is Prefect's to say.

`events.HEARD` is said when more feedback waits than before, `events.DUE` again and again while a retraining is due; how
much it takes for that stands in a Prefect variable.
"""

import time
from collections.abc import Callable, Iterator

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prometheus_client import REGISTRY, Counter, Gauge, start_http_server
from prometheus_client.core import CounterMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from components import journal
from components.feedback.capture import collected
from components.feedback.capture.database import StoreDown
from components.progress import console
from components.records.errors import BadInput
from components.validation import acceptance
from components.workspace import Workspace, looked, tally
from flows import events
from flows.burying import Lost, bury
from flows.deployments import active_runs, deploy, enough_feedback, start_on_feedback, trigger

LOOKS = 1.0
"""Seconds between two looks."""

GRACE = 60.0
"""Seconds that a retraining which is due may take to start."""

LOOKS_FOR_LOST = 5.0
"""Seconds between two looks for runs that died with their worker."""

SAYS_AGAIN = 10.0
"""Seconds after which what is still due is said again."""


WAITING = Gauge("heed_feedback_waiting", "Pieces of feedback that no retraining has looked at")
LOOKED = Gauge("heed_watch_looked_timestamp_seconds", "When the watch has last looked")
LANDED = Gauge("heed_batch_landed", "Number of the newest batch that has landed")
TRAINED = Gauge("heed_batch_retrained", "Number of the newest batch that a retraining has looked at")
SAID_DUE = Counter("heed_retraining_due_total", "How often Prefect was told that a retraining is due")


class Tallied(Collector):
    """What retrainings came to and how long their stages took, whichever process they ran in.

    Args:
        workspace: whose.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def collect(self) -> Iterator[Metric]:
        """Read off what is counted on disk."""
        found = tally.read(self._workspace)
        outcomes = CounterMetricFamily("heed_retrainings", "Retrainings by what they came to", labels=["outcome"])
        for outcome, times in found.outcomes.items():
            outcomes.add_metric([outcome], times)
        stages = SummaryMetricFamily("heed_stage_seconds", "How long the stages of the loop took", labels=["stage"])
        for name, stage in found.stages.items():
            stages.add_metric([name], stage.times, stage.seconds)
        yield outcomes
        yield stages


def waiting(workspace: Workspace) -> int:
    """How many pieces of feedback no retraining has looked at: captured, or landed since the last one.

    Raises:
        StoreDown: the store of what is captured does not answer.
    """
    acceptance.recall(workspace)
    return collected.waiting(workspace) + looked.landed_since(workspace)


def watch(workspace: Workspace, stopping: Callable[[], bool]) -> None:
    """Make the deployments, bury runs that a crash left, then look again and again until `stopping`.

    A store or a Prefect server that is away for a while is waited for.
    """
    deploy(workspace)
    _bury(workspace)
    LANDED.set_function(lambda: looked.newest_batch(workspace))
    TRAINED.set_function(lambda: looked.last_batch(workspace))
    REGISTRY.register(Tallied(workspace))
    start_http_server(workspace.settings.servers.metrics_port, workspace.settings.servers.host)
    before, said_at, vain, overdue, lost = 0, float("-inf"), "", Overdue(), Lost()
    looked_at = float("-inf")
    with get_client(sync_client=True) as client:
        while not stopping():
            said = ""
            try:
                now = waiting(workspace)
                if now > before:
                    journal.tell("watch", "hear", new=now - before, waiting=now)
                    events.tell(workspace, events.HEARD, new=now - before, waiting=now)
                before = now
                if time.monotonic() - looked_at >= LOOKS_FOR_LOST:
                    lost.bury(workspace, client)
                    looked_at = time.monotonic()
                if time.monotonic() - said_at >= SAYS_AGAIN:
                    due = _due(workspace, client, now)
                    overdue.look(workspace, client, due)
                    if due:
                        SAID_DUE.inc()
                        journal.tell("watch", "due", waiting=now)
                        events.tell(workspace, events.DUE, waiting=now)
                        said_at = time.monotonic()
                WAITING.set(now)
                LOOKED.set_to_current_time()
            except (StoreDown, BadInput) as down:
                said = f"the store does not answer: {down}"
            except (OSError, ValueError, httpx.HTTPError) as error:
                said = f"looked in vain: {error}"
            if said != vain:
                vain = said
                _tell(said)
            time.sleep(LOOKS)


def _tell(vain: str) -> None:
    """Once, however long it lasts."""
    if vain:
        console.print(vain, markup=False)
        journal.trouble("watch", "look in vain", because=vain)
    else:
        journal.tell("watch", "look again")


class Overdue:
    """Notices that no retraining starts though one has long been due, and lets Prefect's trigger begin anew.

    Where the clock went back, the trigger holds retrainings off until a time that is hours away.

    Args:
        grace: seconds that one may take to start, beyond the least time between two.
    """

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace
        self._since: float | None = None

    def look(self, workspace: Workspace, client: SyncPrefectClient, due: bool) -> None:
        """Take note of whether one is due now."""
        now = time.monotonic()
        if not due:
            self._since = None
            return
        self._since = now if self._since is None else self._since
        found = trigger(workspace, client)
        if found and now - self._since > found.at_most_every + self._grace:
            journal.trouble("watch", "renew the trigger", seconds=round(now - self._since))
            start_on_feedback(workspace, client, found)
            self._since = None


def _bury(workspace: Workspace) -> None:
    try:
        with workspace.lock("retrain", "retraining"):
            bury(workspace, before_workers=True)
    except BadInput:
        return  # somebody retrains, and has buried


def _due(workspace: Workspace, client: SyncPrefectClient, waits: int) -> bool:
    enough = enough_feedback(workspace, client)
    return enough is not None and waits >= enough and not active_runs(workspace, client)
