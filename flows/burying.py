"""Says of flow runs whose process is gone that they crashed, as after a power cut: nobody else would ever say so.

Whoever retrains or lands data in a workspace holds a lock that dies with them, so whoever holds both knows that nobody
else is at work. Runs that a worker elsewhere lost are Prefect's to find, by their heartbeat (`flows.deployments`).
"""

import psutil
from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterParentTaskRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled, Crashed

from components.records.errors import BadInput
from components.workspace import Workspace
from flows.engine import prefect_is_ours

AT_WORK = (StateType.RUNNING, StateType.CANCELLING)
FLOWS = ("retrain", "sweep", "challenge", "first champion", "train", "evaluate", "promote", "collect")
"""Those that one of the locks is held in."""


def bury(workspace: Workspace, before_workers: bool = False) -> int:
    """Say so of all runs that nobody can be at work at; whoever calls holds the lock on retraining.

    Args:
        workspace: whose.
        before_workers: whether no worker runs yet, so that runs that were handed to one are dead too.

    Returns:
        How many there were; none where data is landing or a model in training, or where the Prefect server is not this
        workspace's own.
    """
    if not prefect_is_ours(workspace):
        return 0
    try:
        with (
            workspace.lock("data", "landing data"),
            workspace.lock("training", "training"),
            get_client(sync_client=True) as client,
        ):
            told = [*AT_WORK, StateType.PENDING]
            found = client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=list(FLOWS))),
                flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=told))),
            )
            dead = [
                run
                for run in found
                if str(run.id) != str(runtime.flow_run.id)
                # One that is about to begin may be a worker's.
                and (before_workers or run.state_type != StateType.PENDING or run.deployment_id is None)
            ]
            for run in dead:
                client.set_flow_run_state(run.id, Crashed(message="Its process is gone."), force=True)
            return len(dead)
    except BadInput:
        return 0


class Lost:
    """Finds runs that died with the worker of this machine which they were handed to: nobody is left to say so."""

    def __init__(self) -> None:
        self._gone: set[str] = set()

    def bury(self, workspace: Workspace, client: SyncPrefectClient) -> int:
        """Say so of runs whose process was gone the last time too; in between their worker had time to say so itself.

        Returns:
            How many there were; none where the Prefect server is not this workspace's own, because a process id says
            nothing about another machine.
        """
        if not prefect_is_ours(workspace):
            return 0
        running = client.read_flow_runs(
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[workspace.name])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(AT_WORK)))),
        )
        gone = {run.id: run for run in running if run.infrastructure_pid and not _lives(run.infrastructure_pid)}
        dead = [run for id_, run in gone.items() if str(id_) in self._gone]
        for run in dead:
            client.set_flow_run_state(run.id, Crashed(message="Its worker died, and it with it."), force=True)
        self._gone = {str(id_) for id_ in gone}
        return len(dead)


def _lives(pid: str) -> bool:
    return not pid.isdigit() or psutil.pid_exists(int(pid))


def withdraw(workspace: Workspace) -> None:
    """Cancel trainings that a retraining asked for which has died since; whoever calls is the only one to retrain."""
    with get_client(sync_client=True) as client:
        asked_for = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["challenge"])),
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[workspace.name])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
                parent_task_run_id=FlowRunFilterParentTaskRunId(is_null_=False),
            ),
        )
        for run in asked_for:
            client.set_flow_run_state(run.id, Cancelled(message="Who asked for it is gone."), force=True)
