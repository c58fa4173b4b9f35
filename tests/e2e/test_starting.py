"""What a Prefect server starts without a worker: a retraining where data has drifted, and none by mistake."""

import time
from collections.abc import Callable, Iterator

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings

from components.validation import acceptance
from components.workspace import Workspace, find, versions
from components.workspace.creation import create
from flows import deployed, deployments, events
from flows.burying import withdraw
from flows.deployments import Trigger
from tests.components.validation.audits.test_drift import batch


@pytest.fixture
def workspace(
    tmp_path_factory: pytest.TempPathFactory, server: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """One that is deployed at a server, with preferences that are accepted."""
    root = tmp_path_factory.mktemp("starting")  # its name is the workspace's, which one server knows once
    made = find(create(root, "").root)
    monkeypatch.setenv("HEED_WORKSPACE", str(root))
    monkeypatch.setenv("PREFECT_API_URL", server)
    dataset, _ = versions.land(made, {"preferences": batch(0, 400)}, "first")
    acceptance.accept(made, dataset, "to begin with", "a test")
    with temporary_settings({PREFECT_API_URL: server}):
        deployments.deploy(made)
        yield made


@pytest.fixture
def prefect(workspace: Workspace) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


def test_data_that_has_drifted_starts_one_retraining_and_data_that_has_not_none(
    workspace: Workspace, prefect: SyncPrefectClient
) -> None:
    deployments.start_on_feedback(workspace, prefect, Trigger(feedback=None, drift=1, at_most_every=600))
    versions.land(workspace, {"preferences": batch(1, 300)}, "the same people")
    assert ", 0 differ" in str(deployed.look_for_drift.fn(at_least=1).message)
    versions.land(workspace, {"preferences": batch(2, 300, topics=2)}, "who ask about two things only")
    said = str(deployed.look_for_drift.fn(at_least=1).message)
    assert "prompts" in said
    deployed.look_for_drift.fn(at_least=1)
    _until(lambda: asked_for(prefect, workspace, "retrain"))
    time.sleep(3)  # in which a second would be asked for
    [run] = asked_for(prefect, workspace, "retrain")
    assert run.created_by
    assert run.created_by.type == "AUTOMATION"


def test_what_is_due_and_said_so_again_and_again_starts_one_retraining(
    workspace: Workspace, prefect: SyncPrefectClient
) -> None:
    deployments.start_on_feedback(workspace, prefect, Trigger(feedback=100, drift=None, at_most_every=60))
    for waiting in range(100, 120):
        events.tell(workspace, events.DUE, waiting=waiting)
        time.sleep(0.1)  # the server needs a moment to know of a new trigger
    _until(lambda: asked_for(prefect, workspace, "retrain"))
    time.sleep(5)
    assert len(asked_for(prefect, workspace, "retrain")) == 1


def test_a_training_that_nobody_waits_for_any_more_is_withdrawn_and_one_a_person_asked_for_is_not(
    workspace: Workspace, prefect: SyncPrefectClient
) -> None:
    dataset = versions.current(workspace)
    name, wanted = f"challenge/{workspace.name}", {"dataset": dataset.model_dump()}

    @flow
    def retraining_that_dies() -> None:
        run_deployment(name, parameters=wanted, timeout=0)

    retraining_that_dies()
    run_deployment(name, parameters=wanted, timeout=0, as_subflow=False)
    assert len(asked_for(prefect, workspace, "challenge")) == 2
    withdraw(workspace)
    [left] = asked_for(prefect, workspace, "challenge")
    assert left.parent_task_run_id is None


def asked_for(prefect: SyncPrefectClient, workspace: Workspace, name: str) -> list[FlowRun]:
    found = deployments.deployment(workspace, prefect, name)
    assert found
    runs = prefect.read_flow_runs(limit=200)
    return [run for run in runs if run.deployment_id == found.id and run.state_type == StateType.SCHEDULED]


def _until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.3)
