"""The flows that Prefect runs by itself, in whatever process a worker starts for them: given names, they find the rest.

A retraining is run by a worker of the data pool. What needs a device it hands to the training pool, and waits.
"""

from functools import partial
from typing import Any, cast

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.flow_runs import suspend_flow_run
from prefect.states import Cancelled, Completed

from components.records.handles import DatasetVersion, Scorecard
from components.workspace import Workspace, find
from flows import events
from flows.approving import APPROVE, Answer
from flows.engine import settle
from flows.signing import signed

LOOKS = 0.5
"""Seconds between two looks at whether the training pool is done."""


@flow(name="retrain", validate_parameters=False)
def retrain(force: bool = False, settings: list[str] | None = None) -> State[Any]:
    """The whole loop once: train a challenger, measure it, promote it if the gate says so.

    Args:
        force: train again though nothing is new.
        settings: each as train.beta=0.2; they hold for this run.
    """
    workspace = _opened(settings)
    from flows.leasing import Busy
    from flows.retrain import retrain as loop

    try:
        with signed(workspace):
            done = loop.fn(workspace, force, partial(_in_the_training_pool, settings))
    except Busy as busy:
        return Cancelled(message=str(busy))
    said = f"{done.outcome}: {'; '.join(done.reasons)}" if done.reasons else done.outcome
    create_markdown_artifact(said, key="retraining", description=done.outcome)
    return Completed(message=said, data=done.model_dump(mode="json"))


@flow(name="challenge", persist_result=True)
def challenge(dataset: DatasetVersion, attempt: int = 0, settings: list[str] | None = None) -> Scorecard:
    """Train a challenger on a dataset version and measure it against the champion: what a GPU is for.

    Args:
        dataset: the version.
        attempt: which attempt at it; another one trains again.
        settings: each as train.beta=0.2; they hold for this run.
    """
    workspace = _opened(settings)
    from flows.challenge import challenge as work

    with signed(workspace):
        return work.fn(workspace, dataset, attempt)


@flow(name=APPROVE, persist_result=True)
def approve(version: int) -> State[Any]:
    """Wait for a person to say whether a challenger that the gate lets pass goes into service.

    Args:
        version: its number.
    """
    workspace = _opened(None)
    from components.feedback import live
    from components.registry import approval, decisions, models

    model = models.version_named(workspace, version)
    asked = Answer.with_initial_data(description=decisions.card_of(workspace, model))
    said = suspend_flow_run(wait_for_input=asked, key=f"version-{version}")
    heard = live.position(workspace)
    decision = approval.answer(workspace, model, said.promote, said.by, said.because, heard)
    return Completed(message=f"{decision.outcome}: {decision.reasons[-1]}")


@flow(name="canary", validate_parameters=False)
def canary(settings: list[str] | None = None) -> State[Any]:
    """Hold what users make of the version that some of them get against the gate, and act on it.

    Args:
        settings: each as evaluate.resamples=5000; they hold for this run.
    """
    workspace = _opened(settings)
    from flows.canary import look

    with signed(workspace):
        found = look.fn(workspace)
    said = f"{found.outcome}: {'; '.join(found.reasons)}" if found.reasons else found.outcome
    return Completed(message=said, data=found.model_dump(mode="json"))


@flow(name="roll back")
def roll_back(by: str, because: str) -> State[Any]:
    """Give the champion's place back to the version it succeeded, or a canary's users back to the champion.

    Args:
        by: who says so.
        because: why, for whoever asks later.
    """
    workspace = _opened(None)
    from components.registry.going_back import go_back

    return Completed(message=go_back(workspace, because, by).in_words())


@flow(name="look for drift", validate_parameters=False)
def look_for_drift(at_least: int = 1, settings: list[str] | None = None) -> State[Any]:
    """Land what was captured, and tell Prefect if it has drifted away from what was last accepted.

    Args:
        at_least: in so many things, as the audit `drift` counts them.
        settings: each as split.newest=0.1; they hold for this run.
    """
    workspace = _opened(settings)
    from components.validation import acceptance
    from components.validation.audits import drift
    from components.validation.material import Material
    from components.workspace import looked, versions
    from flows.collect import newest

    with signed(workspace):
        dataset = newest(workspace)
    before = acceptance.last_accepted(workspace, dataset.hash)
    if before is None or not looked.landed_since(workspace):
        return Completed(message="nothing new to compare")
    new, accepted = versions.read(workspace, dataset), versions.read(workspace, before)
    found = drift.look(Material(preferences=new, accepted=accepted, seed=workspace.settings.evaluate.seed))
    if found is None:
        return Completed(message=f"too few pairs to compare: {drift.FEWEST} of each are needed")
    differ = int(found.measures["data/drift"].value)
    if differ >= at_least:
        events.tell(workspace, events.DRIFTED, differ=differ, found=found.sentence)
    return Completed(message=found.sentence)


def _in_the_training_pool(
    settings: list[str] | None, workspace: Workspace, dataset: DatasetVersion, attempt: int
) -> Scorecard:
    run = cast(
        FlowRun,
        run_deployment(
            f"{challenge.name}/{workspace.name}",
            parameters={"dataset": dataset.model_dump(), "attempt": attempt, "settings": settings},
            poll_interval=LOOKS,
        ),
    )
    assert run.state
    scorecard: Scorecard = run.state.result()
    return scorecard


def _opened(settings: list[str] | None) -> Workspace:
    workspace = find(None, tuple(settings or ()))
    settle(workspace.root)
    return workspace
