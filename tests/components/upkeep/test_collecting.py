"""What is deleted is needed by nobody: what is in service, what a rollback needs and what they learned from stays."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from components import tracking
from components.records.errors import BadInput
from components.records.handles import DatasetVersion, ModelVersion
from components.registry import decisions, models, promotion, trials
from components.registry.standing import standing
from components.tracking import client
from components.upkeep import collecting
from components.validation import acceptance
from components.workspace import Workspace, pinning, versions
from flows import retrain


@dataclass(frozen=True)
class Past:
    """What a workspace went through: six retrainings, each on a dataset version of its own, judged by a reward model.

    Attributes:
        datasets: one a retraining.
        policies: one a retraining; the second was promoted, then the fourth, which is the champion.
        rewards: one a retraining.
    """

    datasets: list[DatasetVersion]
    policies: list[ModelVersion]
    rewards: list[ModelVersion]


@pytest.fixture
def past(workspace: Workspace, land: Callable, register: Callable, measure: Callable) -> Past:
    lived = Past([], [], [])
    for number in range(1, 7):
        dataset = land(workspace, f"batch {number}")
        lived.datasets.append(dataset)
        lived.rewards.append(register(workspace, models.REWARD, f"reward-{number}", dataset))
        lived.policies.append(register(workspace, models.POLICY, f"policy-{number}", dataset))
        measure(workspace, lived.policies[-1], lived.policies[0], lived.rewards[-1], f"inputs-{number}")
        if number in (2, 4):
            promotion.promote(workspace, lived.policies[-1], "better")
    return lived


def collect(workspace: Workspace, keep: int) -> collecting.Leftovers:
    with collecting.alone(workspace):
        found = collecting.find(workspace, keep)
        collecting.delete(workspace, found)
    return found


def stored(workspace: Workspace) -> int:
    """Bytes of models and data."""
    places = (workspace.state / "artifacts", workspace.root / ".dvc" / "cache")
    return sum(file.stat().st_size for place in places for file in place.rglob("*") if file.is_file())


def numbers(kept: list[ModelVersion]) -> list[int]:
    return [model.version for model in kept]


def test_old_models_go_and_everything_that_is_needed_still_works(workspace: Workspace, past: Past) -> None:
    before = standing(workspace, {}, ())
    with collecting.alone(workspace):
        shown = collecting.find(workspace, 2)
    assert numbers(models.versions(workspace, models.POLICY)) == [6, 5, 4, 3, 2, 1]  # looking deletes nothing
    artifacts = list((workspace.state / "artifacts" / "models").iterdir())
    held = stored(workspace)

    found = collect(workspace, 2)

    assert found == shown
    # The newest two, the champion 4, and 2, which it succeeded; of the reward models those that judged them.
    assert numbers(models.versions(workspace, models.POLICY)) == [6, 5, 4, 2]
    assert numbers(models.versions(workspace, models.REWARD)) == [6, 5, 4, 2]
    assert {(model.name, model.version) for model in found.models} == {
        (name, number) for name in (models.POLICY, models.REWARD) for number in (1, 3)
    }
    assert len(artifacts) - len(list((workspace.state / "artifacts" / "models").iterdir())) == 4
    assert held - stored(workspace) == found.bytes > 0
    assert standing(workspace, {}, ()) == before
    for model in (*models.versions(workspace, models.POLICY), *models.versions(workspace, models.REWARD)):
        name = "model.json" if model.name == models.POLICY else "reward.json"
        assert model.step in (models.folder_of(workspace, model) / name).read_text()
        assert versions.read(workspace, model.dataset).height == 3 * model.version
    with collecting.alone(workspace):
        assert not collecting.find(workspace, 2).models
    assert promotion.rollback(workspace, "worse after all") == (past.policies[3], past.policies[1])


def test_the_champion_and_its_predecessor_stay_however_little_is_kept(workspace: Workspace, past: Past) -> None:
    client(workspace).set_registered_model_alias(models.POLICY, "canary", "1")
    collect(workspace, 1)
    assert numbers(models.versions(workspace, models.POLICY)) == [6, 4, 2, 1]
    champion = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    assert champion == past.policies[3]
    card = decisions.scorecard_of(workspace, champion)
    assert card
    assert "reward-4" in (models.folder_of(workspace, card.reward) / "reward.json").read_text()
    assert promotion.rollback(workspace, "no")[1].version == 2


def test_of_the_data_only_what_nothing_kept_learned_from_goes(workspace: Workspace, past: Past, land: Callable) -> None:
    acceptance.accept(workspace, past.datasets[2], "wanted")  # the data gate compares what lands next with it
    newest = land(workspace, "not trained on")
    third, first = past.datasets[2], past.datasets[0]
    (workspace.reports).mkdir()
    pages = {version.hash: workspace.reports / f"{version.hash[:12]}-1a2b3c4d.html" for version in (first, third)}
    for page in pages.values():
        page.write_text("report")

    found = collect(workspace, 1)  # keeps 2, 4, 6

    gone = {past.datasets[0].hash, past.datasets[4].hash}
    assert set(found.datasets) >= gone
    assert {version.hash for version in past.datasets if not pinning.is_here(workspace, version.hash)} == gone
    assert acceptance.last_accepted(workspace) == third.hash
    assert versions.current(workspace) == newest
    assert versions.missing(workspace) == []
    assert versions.read(workspace, newest).height == 21
    assert [page.exists() for page in pages.values()] == [False, True]
    assert land(workspace, "and on it goes").preferences == 24


def test_training_runs_go_when_they_are_done_with_and_a_day_old(workspace: Workspace, past: Past) -> None:
    long_ago = time.time() - 2 * collecting.DAY
    for step, when in (("policy-1", long_ago), ("policy-6", long_ago), ("reward-6", None), ("killed", long_ago)):
        checkpoint = workspace.runs / step / "checkpoint-50"
        checkpoint.mkdir(parents=True)
        (checkpoint / "model.safetensors").write_bytes(b"weights")
        for path in (checkpoint / "model.safetensors", checkpoint, checkpoint.parent) if when else ():
            os.utime(path, (when, when))
    collect(workspace, 10)
    assert {folder.name for folder in workspace.runs.iterdir()} == {"reward-6", "killed"}
    # One whose model was deleted before it was a day old goes later.
    (workspace.runs / "policy-3").mkdir()
    collect(workspace, 1)
    os.utime(workspace.runs / "policy-3", (long_ago, long_ago))
    collect(workspace, 1)
    assert {folder.name for folder in workspace.runs.iterdir()} == {"reward-6", "killed"}


def test_a_training_run_that_lost_a_sweep_goes_and_can_be_done_again(
    workspace: Workspace, past: Past, register: Callable
) -> None:
    long_ago, runs = time.time() - 2 * collecting.DAY, {}
    for step in ("lost", "lost-yesterday", "not-yet-chosen", "lost-and-registered"):
        with tracking.run(workspace, "preference", step, past.datasets[-1], {}, {}) as run:
            runs[step] = run.info.run_id
        (workspace.runs / step / "final").mkdir(parents=True)
        for path in (workspace.runs / step / "final", workspace.runs / step) if step != "lost-yesterday" else ():
            os.utime(path, (long_ago, long_ago))
        if step != "not-yet-chosen":
            client(workspace).set_tag(runs[step], trials.LOST, "sweep")
    register(workspace, models.POLICY, "lost-and-registered", past.datasets[-1])

    found = collect(workspace, 10)

    assert {folder.name for folder in workspace.runs.iterdir()} == {"lost-yesterday", "not-yet-chosen"}
    assert found.steps == ("lost",)  # a step that is forgotten is done again
    with tracking.run(workspace, "preference", "lost", past.datasets[-1], {}, {}) as again:
        assert again.info.run_id != runs["lost"]


def test_steps_whose_results_speak_of_what_is_gone_are_named(workspace: Workspace, past: Past) -> None:
    with collecting.alone(workspace):
        found = collecting.find(workspace, 1)
    made = {f"{kind}-{number}" for kind in ("policy", "reward") for number in (1, 3, 5)}
    # All were measured against version 1.
    assert set(found.steps) == made | {f"measure-policy-{number}" for number in range(1, 7)}


def test_what_was_deleted_can_be_made_and_measured_again(
    workspace: Workspace, past: Past, register: Callable, measure: Callable
) -> None:
    collect(workspace, 1)
    shutil.rmtree(workspace.state / "told")
    again = register(workspace, models.POLICY, "policy-3", past.datasets[2])
    assert again.version == 7
    assert "policy-3" in (models.folder_of(workspace, again) / "model.json").read_text()
    assert again.run_id != past.policies[2].run_id
    # Under the step it had before, with other versions in its parameters.
    card = measure(workspace, again, past.policies[3], past.rewards[-1], "inputs-again")
    assert decisions.scorecard_of(workspace, again) == card
    long_ago = time.time() - 2 * collecting.DAY
    (workspace.runs / "policy-5").mkdir(parents=True)
    with tracking.run(workspace, "preference", "policy-5", past.datasets[4], {}, {}):
        pass  # and killed before it was registered
    os.utime(workspace.runs / "policy-5", (long_ago, long_ago))
    assert collect(workspace, 2).folders == ()


def test_a_retraining_with_nothing_new_trains_nothing_after_it(
    workspace: Workspace, past: Past, register: Callable, measure: Callable
) -> None:
    _, inputs = retrain._inputs(workspace, versions.current(workspace), force=False)
    decided = register(workspace, models.POLICY, "policy-7", past.datasets[-1])
    measure(workspace, decided, past.policies[3], past.rewards[-1], inputs)
    collect(workspace, 1)

    def train(*_: object) -> None:
        raise AssertionError("it trained")

    done = retrain.retrain.fn(workspace, challenged=train)
    assert (done.outcome, done.challenger) == ("nothing new", decided)


def test_what_a_kill_left_is_found_again(workspace: Workspace, past: Past) -> None:
    with collecting.alone(workspace):
        found = collecting.find(workspace, 1)
        halfway = collecting.Leftovers((), (), found.folders[:3], found.files[:2], (), 0)
        collecting.delete(workspace, halfway)
    again = collect(workspace, 1)
    assert again.models == found.models
    assert numbers(models.versions(workspace, models.POLICY)) == [6, 4, 2]
    with collecting.alone(workspace):
        assert not collecting.find(workspace, 1).folders


@pytest.mark.parametrize("held", ["retrain", "training", "data"])
def test_nothing_is_looked_at_while_something_trains_or_lands(workspace: Workspace, held: str) -> None:
    with (
        workspace.lock(held, "at work"),
        pytest.raises(BadInput, match="another heed is already"),
        collecting.alone(workspace),
    ):
        pass
    with collecting.alone(workspace):
        assert not collecting.find(workspace, 10).models


def test_files_that_a_version_was_registered_from_elsewhere_are_left_alone(
    workspace: Workspace, past: Past, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "model.json").write_text("mine")
    made = client(workspace).create_model_version(models.POLICY, mine.as_uri(), tags={"heed.dataset": "d"})
    for number in range(2):
        client(workspace).create_model_version(models.POLICY, mine.as_uri(), tags={"heed.step": f"later-{number}"})
    found = collect(workspace, 2)
    assert int(made.version) in {model.version for model in found.models}
    assert (mine / "model.json").read_text() == "mine"
