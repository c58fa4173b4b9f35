"""Says of flow runs whose process is gone that they crashed, as after a power cut: nobody else would ever say so.

Every process that runs flows holds a lock that dies with it, and its runs bear the lock's name as a tag. Runs that a
worker elsewhere lost are Prefect's to find, by their heartbeat (`flows.deployments`).
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
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled, Crashed

from components.workspace import Workspace
from flows.engine import prefect_is_ours
from flows.signing import gone

AT_WORK = (StateType.RUNNING, StateType.CANCELLING)


def bury(workspace: Workspace, before_workers: bool = False) -> int:
    """Say so of all runs that nobody can be at work at.

    Args:
        workspace: whose.
        before_workers: whether no worker runs yet, so that runs that were handed to one are dead too.

    Returns:
        How many there were; none where the Prefect server is not this workspace's own.
    """
    if not prefect_is_ours(workspace):
        return 0
    told = FlowRunFilterStateType(any_=[*AT_WORK, StateType.PENDING])
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=told)))
        processes = gone(workspace, (tag for run in found for tag in run.tags))
        dead = [run for run in found if _is_dead(run, processes, before_workers)]
        for run in dead:
            client.set_flow_run_state(run.id, Crashed(message="Its process is gone."), force=True)
    return len(dead)


def _is_dead(run: FlowRun, processes: dict[str, bool], before_workers: bool) -> bool:
    """Whether nobody can be at work at a run.

    Args:
        run: that seems to be worked at.
        processes: by the sign of each, whether it is gone.
        before_workers: as `bury`.
    """
    if str(run.id) == str(runtime.flow_run.id):
        return False
    signs = [tag for tag in run.tags if tag in processes]
    return processes[signs[0]] if signs else before_workers


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
