"""Watch: tells Prefect what users said, and when it is enough for a retraining. What follows is Prefect's to say.

The first is said when more waits than before, the second again and again while a retraining is due; how much it takes
for that stands in a Prefect variable.
"""

import time
from collections.abc import Callable

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prometheus_client import Counter, Gauge, start_http_server

from components.feedback.capture import collected
from components.feedback.capture.database import StoreDown
from components.progress import console
from components.records.errors import BadInput
from components.workspace import Workspace, looked
from flows import events
from flows.burying import bury
from flows.deployments import active_runs, deploy, enough_feedback

LOOKS = 1.0
"""Seconds between two looks."""

SAYS_AGAIN = 10.0
"""Seconds after which what is still due is said again."""


WAITING = Gauge("heed_feedback_waiting", "Pieces of feedback that no retraining has looked at")
LOOKED = Gauge("heed_watch_looked_timestamp_seconds", "When the watch has last looked")
LANDED = Gauge("heed_batch_landed", "Number of the newest batch that has landed")
TRAINED = Gauge("heed_batch_retrained", "Number of the newest batch that a retraining has looked at")
SAID_DUE = Counter("heed_retraining_due_total", "How often Prefect was told that a retraining is due")


def waiting(workspace: Workspace) -> int:
    """How many pieces of feedback no retraining has looked at: captured, or landed since the last one.

    Raises:
        StoreDown: the store of what is captured does not answer.
    """
    return collected.waiting(workspace) + looked.landed_since(workspace)


def watch(workspace: Workspace, stopping: Callable[[], bool]) -> None:
    """Make the deployments, bury runs that a crash left, then look again and again until `stopping`.

    A store or a Prefect server that is away for a while is waited for.
    """
    deploy(workspace)
    _bury(workspace)
    LANDED.set_function(lambda: looked.newest_batch(workspace))
    TRAINED.set_function(lambda: looked.last_batch(workspace))
    start_http_server(workspace.settings.servers.metrics_port, workspace.settings.servers.host)
    before, said_at = 0, float("-inf")
    with get_client(sync_client=True) as client:
        while not stopping():
            try:
                now = waiting(workspace)
                if now > before:
                    events.tell(workspace, events.HEARD, new=now - before, waiting=now)
                before = now
                if time.monotonic() - said_at >= SAYS_AGAIN and _due(workspace, client, now):
                    SAID_DUE.inc()
                    events.tell(workspace, events.DUE, waiting=now)
                    said_at = time.monotonic()
                WAITING.set(now)
                LOOKED.set_to_current_time()
            except (StoreDown, BadInput) as down:
                console.print(f"the store does not answer: {down}", markup=False)
            except (OSError, ValueError, httpx.HTTPError) as error:
                console.print(f"looked in vain: {error}", markup=False)
            time.sleep(LOOKS)


def _bury(workspace: Workspace) -> None:
    try:
        with workspace.lock("retrain", "retraining"):
            bury(workspace, before_workers=True)
    except BadInput:
        return  # somebody retrains, and has buried


def _due(workspace: Workspace, client: SyncPrefectClient, waits: int) -> bool:
    enough = enough_feedback(workspace, client)
    return enough is not None and waits >= enough and not active_runs(workspace, client)
