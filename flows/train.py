"""Train: from a dataset version to registered models.

Steps import what loads torch when they run, so that a retraining with nothing to do is over before it would be loaded.
"""

import time
from dataclasses import replace
from pathlib import Path

import polars as pl
from prefect import flow, task

from components import cluster, tracking
from components.preferences.splitting import Sides, split
from components.preferences.weighing import weigh
from components.records.handles import DatasetVersion, ModelVersion, Trained
from components.registry import models
from components.training import base, jobs, launch
from components.training.job import Tracking
from components.validation import overlap, quarantine
from components.validation import sides as sides_contract
from components.validation.batch import judge
from components.workspace import Workspace, versions
from flows import evaluation_sets
from flows.engine import origin, step
from flows.examine import examine


@flow(name="train", validate_parameters=False)
def train(
    workspace: Workspace, dataset: DatasetVersion, champion: ModelVersion, attempt: int
) -> tuple[ModelVersion, ModelVersion]:
    """A challenger to the champion, and the reward model that goes with it."""
    workspace = with_flip_rate(workspace, dataset)
    reward = fit_reward(workspace, dataset, attempt)
    trained = optimise_preferences(workspace, dataset, champion, attempt)
    return register(workspace, dataset, trained), reward


def register(workspace: Workspace, dataset: DatasetVersion, trained: Trained) -> ModelVersion:
    """A policy that was trained, in the registry; once."""
    registered: ModelVersion = task(name="register")(models.register_policy)(
        workspace, trained.folder, trained.run_id, dataset, trained.step
    )
    return registered


def with_flip_rate(workspace: Workspace, dataset: DatasetVersion) -> Workspace:
    """The workspace with a number for the share of flipped labels, where its settings leave that to be measured."""
    if workspace.settings.train.label_smoothing != "measured":
        return workspace
    from components.validation.audits.noise import flip_rate

    noise = examine(workspace, dataset).measures.get("data/label_noise")
    train = workspace.settings.train.model_copy(update={"label_smoothing": flip_rate(noise)})
    return replace(workspace, settings=workspace.settings.model_copy(update={"train": train}))


@step("base", "preferences", "sft", "split", "train", part="training")
def fine_tune(workspace: Workspace, key: str, dataset: DatasetVersion) -> ModelVersion:
    """The base model, taught to imitate the chosen answers: the first champion."""
    sides = checked_sides(workspace, dataset)
    place = workspace.runs / key
    settings = workspace.settings
    params = settings.sft.model_dump() | {"base": settings.base.model or "made here"}
    with tracking.run(workspace, "supervised", key, dataset, params, origin()) as run:
        tracking.log_dataset(sides.train, dataset, "train")
        curves = Tracking(uri=workspace.tracking_uri, run_id=run.info.run_id)
        start = base_model(workspace, sides)
        job = jobs.supervised(settings, start, sides.train, sides.validation, place, curves)
        folder = launch.run(job, workspace.accelerate)
    return models.register_policy(workspace, folder, run.info.run_id, dataset, key)


@step("base", "preferences", "reward", "split", "train", part="training")
def fit_reward(workspace: Workspace, key: str, dataset: DatasetVersion, attempt: int) -> ModelVersion:
    """The reward model, fitted to the training and validation sides."""
    from components.training import rewards
    from components.training.rewards.fitting import fit

    sides = checked_sides(workspace, dataset)
    place = workspace.runs / key
    groups = sides.groups_of(sides.seen)
    with tracking.run(workspace, "reward", key, dataset, workspace.settings.reward.model_dump(), origin()) as run:
        tracking.log_dataset(sides.seen, dataset, "train and validation")
        curves = Tracking(uri=workspace.tracking_uri, run_id=run.info.run_id)
        start = base_model(workspace, sides) if workspace.settings.reward.method == "classifier" else ""
        told = (place, workspace.features, curves, workspace.accelerate)
        reward = fit(workspace.settings, sides.train, sides.validation, groups, start, *told)
        rewards.save(reward, place / "reward")
    return models.register_reward(workspace, place / "reward", rewards.__name__, run.info.run_id, dataset, key)


@step("preferences", "split", "train", part="training")
def optimise_preferences(
    workspace: Workspace, key: str, dataset: DatasetVersion, champion: ModelVersion, attempt: int
) -> Trained:
    """The champion, moved towards what was chosen and away from what was rejected."""
    sides = checked_sides(workspace, dataset)
    place = workspace.runs / key
    settings = workspace.settings
    params = settings.train.model_dump() | {"reference": champion.uri}
    begun = time.monotonic()
    with tracking.run(workspace, "preference", key, dataset, params, origin()) as run:
        tracking.log_dataset(sides.train, dataset, "train")
        tracking.log_sides(sides.sizes, sides.reasons)
        curves = Tracking(uri=workspace.tracking_uri, run_id=run.info.run_id)
        start = str(models.folder_of(workspace, champion))
        job = jobs.preference(settings, start, sides.train, sides.validation, place, curves)
        folder = launch.run(job, workspace.accelerate)
    seconds = time.monotonic() - begun
    return Trained(folder=folder, run_id=run.info.run_id, dataset=dataset.hash, step=key, seconds=seconds)


def checked_sides(workspace: Workspace, dataset: DatasetVersion) -> Sides:
    """The sides of a dataset version, refused where they cannot be trusted.

    What landed under an older contract, or was changed by hand, and breaks the present one is held and on no side.
    """
    settings = workspace.settings
    weighed = weigh(versions.read(workspace, dataset), settings.preferences)
    sound, unsound = judge({"preferences": weighed})
    quarantine.hold(workspace.quarantine, quarantine.unheld(workspace.quarantine, unsound))
    sides = cluster.run(split, sound["preferences"], settings.split, workspace.splits)
    known = overlap.find(sides.seen, evaluation_sets.read(workspace), workspace.splits)
    released = quarantine.trusted(workspace.quarantine)
    sides = sides.without(known.filter(~pl.col("id").is_in(released.implode())))
    sides_contract.check({name: sides.groups_of(side) for name, side in sides.named.items()})
    return sides


def base_model(workspace: Workspace, sides: Sides) -> str:
    """The base model the settings name, or the one made from this workspace's own conversations."""
    place: Path = workspace.state / "base"
    return workspace.base_model or base.make(sides.train, place, workspace.settings.train.seed)
