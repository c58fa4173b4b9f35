"""Challenge: from a dataset version to a trained challenger with its scorecard. All that a device is for."""

from collections.abc import Callable

from prefect import flow

from components.records.handles import DatasetVersion, ModelVersion, Scorecard
from components.registry import history, models, promotion
from components.workspace import Workspace
from flows.evaluate import evaluate
from flows.train import fine_tune, train

A_WEEK = 7 * 24 * 3600.0
"""Seconds: the longest that another training is waited for."""

Challenged = Callable[[Workspace, DatasetVersion, int], Scorecard]
"""Makes a challenger of a dataset version, at the so-manieth attempt, and measures it."""


@flow(name="challenge", validate_parameters=False)
def challenge(workspace: Workspace, dataset: DatasetVersion, attempt: int) -> Scorecard:
    """Train a challenger and measure it against the champion; where there is none, against the first champion.

    One at a time: whoever started one and died may have left it to a worker that goes on with it, and its steps need
    not be done twice.
    """
    with workspace.lock("training", "training", wait=A_WEEK):
        champion = in_service(workspace, dataset)
        challenger, reward = train(workspace, dataset, champion, attempt)
        return evaluate(workspace, dataset, challenger, champion, reward)


def in_service(workspace: Workspace, dataset: DatasetVersion) -> ModelVersion:
    """The champion; where there is none, the first one, which is made."""
    return models.at_alias(workspace, models.POLICY, models.CHAMPION) or first_champion(workspace, dataset)


@flow(name="first champion", validate_parameters=False)
def first_champion(workspace: Workspace, dataset: DatasetVersion) -> ModelVersion:
    """Where nothing is in service yet, the fine-tuned base model is better than nothing."""
    model = fine_tune(workspace, dataset)
    promotion.promote(workspace, model, "the first model: there was no champion to beat", history.FIRST)
    return model
