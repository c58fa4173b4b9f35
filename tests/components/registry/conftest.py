"""A registry to move models in: MLflow's, on SQLite."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from components.config import Settings
from components.records.handles import ModelVersion
from components.registry import models
from components.tracking import client
from components.workspace import Workspace


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose store was just made, which takes MLflow seconds."""
    root = tmp_path_factory.mktemp("bare")
    client(Workspace(root, Settings())).search_experiments()
    return root


@pytest.fixture
def workspace(bare: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(bare, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace", Settings())


@pytest.fixture
def register(workspace: Workspace, tmp_path: Path) -> Callable[[str], ModelVersion]:
    """Register a version that a step has made."""

    def make(step: str) -> ModelVersion:
        mlflow = client(workspace)
        if not models.versions(workspace, models.POLICY):
            mlflow.create_registered_model(models.POLICY)
        mlflow.create_model_version(models.POLICY, tmp_path.as_uri(), tags={"heed.step": step, "heed.dataset": "d"})
        found = models.find(workspace, models.POLICY, step)
        assert found
        return found

    return make
