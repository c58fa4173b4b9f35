"""One retraining at a time, over all machines that ask one Prefect server.

On one machine a lock that dies with its process is enough, and lets go at once. Between machines it is a lease at the
server, which whoever works renews; of a process that died it runs out.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency

from components.records.errors import BadInput
from components.workspace import Workspace
from flows.engine import prefect_is_ours


class Busy(BadInput):
    """Somebody retrains already."""


RUNS_OUT = 60.0
"""Seconds after which the lease of a process that died is free: the least that Prefect gives."""

TRIES = 1.0
"""Seconds for which a lease that is taken is asked for."""


@contextmanager
def one_retraining(workspace: Workspace) -> Iterator[None]:
    """Nobody else retrains this workspace, here or elsewhere, until the block ends.

    Raises:
        Busy: somebody does.
    """
    with ExitStack() as held:
        try:
            held.enter_context(workspace.lock("retrain", "retraining"))
        except BadInput as busy:
            raise Busy(busy.what, busy.where, busy.fix) from None
        if "PREFECT_API_URL" not in os.environ or prefect_is_ours(workspace):
            yield
            return
        name = f"heed: retraining {workspace.name}"
        with get_client(sync_client=True) as client:
            client.upsert_global_concurrency_limit_by_name(name, 1)
        try:
            held.enter_context(concurrency(name, timeout_seconds=TRIES, lease_duration=RUNS_OUT))
        except TimeoutError:
            fix = f"Wait until it is done; if its machine has died, {RUNS_OUT:.0f} s."
            raise Busy("another machine is already retraining this workspace", workspace.root, fix) from None
        yield
