"""Workspaces with real git, DVC and MLflow, records to land in them, and models that were registered for them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from components import tracking
from components.records.handles import DatasetVersion, Decision, Estimate, ModelVersion, Scorecard
from components.records.schemas import Preference, as_records
from components.registry import decisions, models, promotion
from components.workspace import Workspace, find, versions
from components.workspace.creation import create

Landed = Callable[[Workspace, str], DatasetVersion]
Registered = Callable[..., ModelVersion]
Measured = Callable[..., Scorecard]


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace to make copies of, with an MLflow store, which is quicker than making each."""
    made = create(tmp_path_factory.mktemp("fresh") / "work", "# a gate policy\n")
    tracking.client(made).search_experiments()
    return made.root


@pytest.fixture
def workspace(fresh: Path, tmp_path: Path) -> Workspace:
    """A new workspace."""
    return find(Path(shutil.copytree(fresh, tmp_path / "work")))


@pytest.fixture(scope="session")
def land() -> Landed:
    """Lands three preferences that are named after something."""

    def landed(workspace: Workspace, name: str) -> DatasetVersion:
        asked = [[{"role": "user", "content": f"{name} {number}?"}] for number in range(3)]
        answers = {side: [[{"role": "assistant", "content": side}]] * 3 for side in ("chosen", "rejected")}
        pairs = pl.DataFrame({"prompt": asked, **answers}).with_columns(source=pl.lit(name), strength=1.0)
        dataset, _ = versions.land(workspace, {"preferences": as_records(pairs, Preference)}, name)
        return dataset

    return landed


@pytest.fixture(scope="session")
def register() -> Registered:
    """Registers a version whose files say which step made it, as `models` does for one that was trained."""

    def registered(workspace: Workspace, name: str, step: str, dataset: DatasetVersion) -> ModelVersion:
        mlflow = tracking.client(workspace)
        with tracking.run(workspace, "preference", step, dataset, {}, {}) as run:
            logged = mlflow.create_logged_model(run.info.experiment_id, name, run.info.run_id)
        files = workspace.state / "told" / step
        inside = ("model", "components/tokenizer") if name == models.POLICY else ("data/reward",)
        for place in inside:
            (files / place).mkdir(parents=True)
            (files / place / f"{Path(place).name}.json").write_text(json.dumps({"step": step}))
        (files / "MLmodel").write_text(f"artifact_path: {logged.artifact_location}\n")
        mlflow.log_model_artifacts(logged.model_id, str(files))
        mlflow.finalize_logged_model(logged.model_id, "READY")
        return models.register(workspace, name, logged.model_id, run.info.run_id, dataset, step)

    return registered


@pytest.fixture(scope="session")
def measure() -> Measured:
    """Makes a version the challenger, with a scorecard by a reward model, and records what the gate said."""

    def measured(
        workspace: Workspace, challenger: ModelVersion, champion: ModelVersion, reward: ModelVersion, inputs: str
    ) -> Scorecard:
        dataset = versions.current(workspace)
        told = {"challenger": challenger.uri, "champion": champion.uri, "reward": reward.uri}
        with tracking.run(workspace, "evaluate", f"measure-{challenger.step}", dataset, told, {}) as run:
            card = Scorecard(
                challenger=challenger,
                champion=champion,
                reward=reward,
                dataset=dataset.hash,
                judge="reward",
                measures={"policy/win_rate": Estimate(value=0.6, low=0.55, high=0.65, n=100)},
                run_id=run.info.run_id,
            )
        promotion.challenge(workspace, challenger)
        decisions.record(workspace, card, Decision(outcome="promote", reasons=("pass: enough.",)), inputs, "# card")
        decisions.told(workspace, challenger)
        return card

    return measured
