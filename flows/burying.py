"""Says of flow runs whose process is gone that they crashed, as after a power cut: nobody else would ever say so.

Whoever retrains or lands data in a workspace holds a lock that dies with them, so whoever holds both knows that nobody
else is at work. Runs that a worker elsewhere lost are Prefect's to find, by their heartbeat (`flows.deployments`).
"""

import os

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

from components.records.errors import BadInput
from components.workspace import Workspace

ALIVE = (StateType.RUNNING, StateType.CANCELLING)


def bury(workspace: Workspace) -> int:
    """Say so of all runs that nobody can be at work at; whoever calls holds the lock on retraining.

    Returns:
        How many there were; none where data is landing, or where the Prefect server is not this workspace's own.
    """
    if os.environ.get("PREFECT_HOME") != str(workspace.prefect_home):
        return 0
    try:
        with workspace.lock("data", "landing data"), get_client(sync_client=True) as client:
            states = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(ALIVE)))
            found = client.read_flow_runs(flow_run_filter=FlowRunFilter(state=states))
            dead = [run for run in found if str(run.id) != str(runtime.flow_run.id)]
            for run in dead:
                client.set_flow_run_state(run.id, Crashed(message="Its process is gone."), force=True)
            return len(dead)
    except BadInput:
        return 0
