"""One world for all training tests: simulated users, a tiny base model that heard them, a store for curves."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from mlflow import MlflowClient

from components.config import Settings
from components.feedback.signals import appoint, detect
from components.preferences.building import build
from components.simulation.population import conversations, scripted, talk
from components.training import jobs, launch
from components.training.job import Tracking
from components.workspace import Workspace

ROOT = Path(__file__).parents[3]
QUIET = {
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONWARNINGS": "ignore",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Models this small lose more by waiting for a second thread than it brings, tenfold on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    """What the product sets, with as many threads in other processes as in this one."""
    os.environ.update({**QUIET, "OMP_NUM_THREADS": "1"})


@pytest.fixture(scope="session")
def pairs() -> pl.DataFrame:
    """Preferences of simulated users."""
    told = talk(scripted(0), "scripted", 600, 0)
    return build(
        told.feedback,
        told.interactions,
        detect(told.feedback, told.interactions, appoint(["explicit"], Workspace(Path(), Settings()))),
    ).preferences


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that has heard a little of the simulated world."""
    place = tmp_path_factory.mktemp("base")
    return str(launch.run(jobs.language(conversations(320, 0), place, seed=0, epochs=1.0)))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of an MLflow store."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def tracking(store: str) -> Tracking:
    """A new run in the store."""
    return Tracking(uri=store, run_id=MlflowClient(store).create_run("0").info.run_id)


@pytest.fixture
def curve(tracking: Tracking) -> Callable[[str], list[int]]:
    """Steps at which the run has a point of a curve, a step for each time it was logged."""
    return lambda name: [
        point.step for point in MlflowClient(tracking.uri).get_metric_history(tracking.run_id, f"train/{name}")
    ]


@pytest.fixture
def start() -> Callable[[Path], subprocess.Popen]:
    """Start a written job in a process of its own."""
    command = [sys.executable, "-m", "components.training.job"]
    return lambda written: subprocess.Popen([*command, str(written)], cwd=ROOT)


@pytest.fixture
def having() -> Callable[..., Settings]:
    """Settings with a section changed, as `having("train", beta=0.5)`."""

    def change(section: str, **values: object) -> Settings:
        defaults = Settings()
        changed = getattr(defaults, section).model_dump() | values
        return defaults.model_copy(update={section: type(getattr(defaults, section))(**changed)})

    return change
