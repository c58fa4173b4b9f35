"""Approving: where the settings ask for it, a run in Prefect waits until a person agrees to a challenger.

It waits suspended: no process, lock or worker waits with it.
"""

import getpass

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.flow_runs import resume_flow_run
from prefect.input import RunInput
from prefect.states import Cancelled

from components.records.handles import ModelVersion
from components.workspace import Workspace

APPROVE = "approve"


class Answer(RunInput):
    """What a person is asked.

    Attributes:
        promote: whether the challenger goes into service.
        by: who says so.
        because: why, for whoever asks later.
    """

    promote: bool
    by: str
    because: str


def ask(workspace: Workspace, challenger: ModelVersion) -> None:
    """Let a run wait for somebody's answer; nothing where no worker of `heed up` was ever there to do it."""
    try:
        run_deployment(
            f"{APPROVE}/{workspace.name}",
            parameters={"version": challenger.version},
            timeout=0,
            as_subflow=False,
            idempotency_key=f"{APPROVE} {challenger.key}",
        )
    except ObjectNotFound:
        return


def answer_those_who_wait(workspace: Workspace, model: ModelVersion, because: str) -> None:
    """Let the run go on that waits for an answer about a version which serves now."""
    answer = {"promote": True, "by": getpass.getuser(), "because": because}
    with get_client(sync_client=True) as client:
        for run in _asking(workspace, client, StateType.PAUSED):
            if run.parameters.get("version") == model.version:
                resume_flow_run(run.id, run_input=answer)


def withdraw_others(workspace: Workspace, challenger: ModelVersion) -> None:
    """Cancel the runs that wait for an answer about a version which another has followed as the challenger."""
    message = f"Nobody had answered when version {challenger.version} became the challenger."
    with get_client(sync_client=True) as client:
        for run in _asking(workspace, client, StateType.SCHEDULED, StateType.PENDING, StateType.PAUSED):
            if run.parameters.get("version") != challenger.version:
                client.set_flow_run_state(run.id, Cancelled(message=message), force=True)


def _asking(workspace: Workspace, client: SyncPrefectClient, *states: StateType) -> list[FlowRun]:
    return client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[APPROVE])),
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[workspace.name])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))),
    )
