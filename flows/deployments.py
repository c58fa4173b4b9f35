"""Puts heed's flows where Prefect can run them: pools, deployments, schedules, automations, all seen in its UI.

What somebody changes there stays: only what is missing is made.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from prefect.automations import Automation, ChangeFlowRunState, EventTrigger, Posture, RunDeployment
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, VariableCreate, WorkPoolCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    DeploymentSchedule,
    FlowRun,
    StateType,
)
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import SCHEDULE_TYPES, IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.types.entrypoint import EntrypointType
from prefect.workers.process import ProcessWorker
from pydantic import BaseModel

from components.records.errors import BadInput
from components.records.identity import fingerprint
from components.workspace import Workspace
from components.workspace.workspace import SETTINGS_FILE
from flows import deployed, events
from flows.services import RUN_A_FLOW
from flows.standby import DATA_POOL, TRAINING_POOL

HEARTBEAT = "prefect.flow-run.heartbeat"
SILENT = ("Completed", "Failed", "Crashed", "Cancelled", "Suspended")
"""The states in which no process is at work any more that would say it lives."""

DEAD_AFTER = timedelta(minutes=10)
"""Three times what Prefect lets pass between two signs of life where nobody has set it, as in flows of others."""

LOOKS_AT_CANARY = timedelta(minutes=10)
"""Between two looks at what users make of a canary, where nobody has set it."""

DEAD = "heed: a run whose worker has died is crashed"
POOLS = {
    DATA_POOL: WorkPoolCreate(name=DATA_POOL, type="process", description="Landing, validating, deciding."),
    # One training at a time has the device.
    TRAINING_POOL: WorkPoolCreate(
        name=TRAINING_POOL, type="process", description="Training and evaluation.", concurrency_limit=1
    ),
}


class Trigger(BaseModel):
    """A retraining that feedback starts.

    Attributes:
        feedback: at so many new pieces; None for no number of them. It stands in a Prefect variable.
        drift: where what is new differs in so many things from what was last accepted (the audit `drift`); None for
            no number of them. It stands in the schedule on which drift is looked for.
        at_most_every: seconds between two retrainings, and between two looks for drift.
    """

    feedback: int | None
    drift: int | None
    at_most_every: float


def deploy(workspace: Workspace) -> None:
    """Make what is missing of the pools, the deployments and the watch over runs whose worker died."""
    with get_client(sync_client=True) as client:
        for wanted in POOLS.values():
            _make_pool(client, wanted)
        if not client.read_automations_by_name(DEAD):
            _dead_runs().create()
        flows = (
            (deployed.retrain, DATA_POOL, _one_at_a_time()),
            (deployed.look_for_drift, DATA_POOL, _one_at_a_time()),
            (deployed.challenge, TRAINING_POOL, None),
            (deployed.approve, DATA_POOL, None),
            (deployed.canary, DATA_POOL, _one_at_a_time()),
            (deployed.roll_back, DATA_POOL, None),
        )
        for flow, pool, limit in flows:
            if _outdated(workspace, client, flow.name):
                made = flow.to_deployment(
                    workspace.name,
                    work_pool_name=pool,
                    job_variables=_job(workspace),
                    concurrency_limit=limit,
                    description=flow.description,
                    entrypoint_type=EntrypointType.MODULE_PATH,
                )
                cast(RunnerDeployment, made).apply()
        if workspace.settings.promotion.by_steps and not _schedules(workspace, client, deployed.canary.name):
            _put_on_schedule(workspace, client, deployed.canary.name, IntervalSchedule(interval=LOOKS_AT_CANARY))


def schedules(workspace: Workspace, client: SyncPrefectClient) -> list[DeploymentSchedule]:
    """When retraining starts by the clock."""
    return _schedules(workspace, client, deployed.retrain.name)


def put_on_schedule(workspace: Workspace, client: SyncPrefectClient, schedule: SCHEDULE_TYPES) -> None:
    """Let retraining start by the clock, and by no other schedule that was set before."""
    _put_on_schedule(workspace, client, deployed.retrain.name, schedule)


def take_off_schedule(workspace: Workspace, client: SyncPrefectClient) -> None:
    """Let retraining no longer start by the clock."""
    _take_off_schedule(workspace, client, deployed.retrain.name)


def trigger(workspace: Workspace, client: SyncPrefectClient) -> Trigger | None:
    """The feedback that starts a retraining, as it stands in Prefect; None where none does."""
    automation = _automation(workspace, client)
    if automation is None or not automation.enabled:
        return None
    if not isinstance(automation.trigger, EventTrigger):
        return None  # somebody has made another trigger of it, in Prefect's UI
    looks = _schedules(workspace, client, deployed.look_for_drift.name)
    return Trigger(
        feedback=enough_feedback(workspace, client),
        drift=looks[0].parameters.get("at_least") if looks else None,
        at_most_every=automation.trigger.within.total_seconds(),
    )


def start_on_feedback(workspace: Workspace, client: SyncPrefectClient, wanted: Trigger) -> None:
    """Let feedback start a retraining."""
    stop_on_feedback(workspace, client)
    found = deployment(workspace, client, deployed.retrain.name)
    assert found
    Automation(
        name=_triggered(workspace),
        description="So much feedback as the variable says, and at most one in the time the trigger says.",
        trigger=EventTrigger(
            expect={events.DUE, events.DRIFTED},
            match=events.resource(workspace),
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(seconds=wanted.at_most_every),
        ),
        actions=[RunDeployment(deployment_id=found.id)],
    ).create()
    if wanted.feedback:
        client.create_variable(VariableCreate(name=_variable(workspace), value=wanted.feedback))
    if wanted.drift:
        looks = IntervalSchedule(interval=timedelta(seconds=wanted.at_most_every))
        _put_on_schedule(workspace, client, deployed.look_for_drift.name, looks, {"at_least": wanted.drift})


def stop_on_feedback(workspace: Workspace, client: SyncPrefectClient) -> None:
    """Let feedback no longer start a retraining."""
    _take_off_schedule(workspace, client, deployed.look_for_drift.name)
    if enough_feedback(workspace, client) is not None:
        client.delete_variable_by_name(_variable(workspace))
    found = _automation(workspace, client)
    if found:
        assert found.id
        client.delete_automation(found.id)


def enough_feedback(workspace: Workspace, client: SyncPrefectClient) -> int | None:
    """At how many new pieces of feedback a retraining is due; None where nobody has said so, or not as a number."""
    found = client.read_variable_by_name(_variable(workspace))
    return found.value if found and isinstance(found.value, int) else None


def deployment(workspace: Workspace, client: SyncPrefectClient, flow: str) -> DeploymentResponse | None:
    """A deployed flow of the workspace."""
    try:
        return client.read_deployment_by_name(f"{flow}/{workspace.name}")
    except ObjectNotFound:
        return None


def active_runs(workspace: Workspace, client: SyncPrefectClient) -> list[FlowRun]:
    """Retrainings that run, or are about to."""
    return _runs(workspace, client, (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING, StateType.PAUSED))


def next_run(workspace: Workspace, client: SyncPrefectClient) -> FlowRun | None:
    """The retraining that the clock starts next."""
    return next(iter(_runs(workspace, client, (StateType.SCHEDULED,))), None)


def _schedules(workspace: Workspace, client: SyncPrefectClient, flow: str) -> list[DeploymentSchedule]:
    found = deployment(workspace, client, flow)
    return client.read_deployment_schedules(found.id) if found else []


def _put_on_schedule(
    workspace: Workspace,
    client: SyncPrefectClient,
    flow: str,
    schedule: SCHEDULE_TYPES,
    parameters: dict[str, Any] | None = None,
) -> None:
    _take_off_schedule(workspace, client, flow)
    found = deployment(workspace, client, flow)
    assert found
    made = DeploymentScheduleCreate(schedule=schedule, active=True, parameters=parameters or {})
    client.create_deployment_schedules(found.id, [made])


def _take_off_schedule(workspace: Workspace, client: SyncPrefectClient, flow: str) -> None:
    for kept in _schedules(workspace, client, flow):
        assert kept.deployment_id
        client.delete_deployment_schedule(kept.deployment_id, kept.id)


def _runs(workspace: Workspace, client: SyncPrefectClient, states: Sequence[StateType]) -> list[FlowRun]:
    found = deployment(workspace, client, deployed.retrain.name)
    if found is None:
        return []
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[found.id])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=10,
    )


def _make_pool(client: SyncPrefectClient, pool: WorkPoolCreate) -> None:
    try:
        client.read_work_pool(pool.name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(pool.model_copy(update={"base_job_template": template}))


def _one_at_a_time() -> ConcurrencyLimitConfig:
    return ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)


def _job(workspace: Workspace) -> dict[str, Any]:
    # Without a command Prefect starts a process to find out where the code is, and that one another: seconds each.
    return {
        "working_dir": str(workspace.root),
        "env": {"HEED_WORKSPACE": str(workspace.root)},
        "command": RUN_A_FLOW,
    }


def _outdated(workspace: Workspace, client: SyncPrefectClient, flow: str) -> bool:
    """Whether it is not there, or is there for a workspace that has moved.

    Raises:
        BadInput: it is another workspace's of the same name, which is still there.
    """
    found = deployment(workspace, client, flow)
    place = found.job_variables.get("working_dir", "") if found else ""
    if place and place != str(workspace.root) and (Path(place) / SETTINGS_FILE).exists():
        fix = "Give one of the folders another name, or each a Prefect server of its own."
        raise BadInput(f"Prefect knows another workspace as {workspace.name}: {place}", workspace.root, fix)
    return place != str(workspace.root)


def _dead_runs() -> Automation:
    """A run that says it lives and then neither says so again nor that it has stopped has no one any more who would."""
    return Automation(
        name=DEAD,
        trigger=EventTrigger(
            after={HEARTBEAT},
            expect={HEARTBEAT, *(f"prefect.flow-run.{state}" for state in SILENT)},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=DEAD_AFTER,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="Nothing was heard of it any more.")],
    )


def _automation(workspace: Workspace, client: SyncPrefectClient) -> Automation | None:
    found = client.read_automations_by_name(_triggered(workspace))
    return Automation.model_validate(found[0].model_dump()) if found else None


def _triggered(workspace: Workspace) -> str:
    return f"heed: retrain {workspace.name} when feedback is due"


def _variable(workspace: Workspace) -> str:
    plain = re.sub(r"[^a-z0-9]", "_", workspace.name.lower())
    return f"heed_enough_feedback_{plain}_{fingerprint(workspace.name)[:6]}"
