"""One retraining at a time, over all machines that ask one Prefect server.

On one machine a lock that dies with its process is enough, and lets go at once. Between machines it is a lease at the
server, which whoever works renews; of a process that died it runs out.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
from prefect.client.orchestration import get_client
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency

from components.records.errors import BadInput
from components.workspace import Workspace
from flows.engine import prefect_is_ours


class Busy(BadInput):
    """Somebody retrains already."""


RUNS_OUT = 60.0
"""Seconds after which the lease of a process that died is free: the least that Prefect gives."""


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
            # Asked once, and the server's answer waited for: after a time of our own, a slow server would look taken.
            held.enter_context(concurrency(name, max_retries=0, lease_duration=RUNS_OUT))
        except ConcurrencySlotAcquisitionError as refused:
            if not _is_taken(refused):
                raise
            fix = f"Wait until it is done; if its machine has died, {RUNS_OUT:.0f} s."
            raise Busy("another machine is already retraining this workspace", workspace.root, fix) from None
        yield


def _is_taken(refused: ConcurrencySlotAcquisitionError) -> bool:
    answer = refused.__cause__
    return isinstance(answer, httpx.HTTPStatusError) and answer.response.status_code == httpx.codes.LOCKED
