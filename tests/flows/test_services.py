"""What `heed up` starts: what each process is told, and what nobody else on the machine can read of it."""

from configparser import ConfigParser
from pathlib import Path

import pytest

from components.config import load
from components.records.errors import BadInput
from components.services.supervisor import Service
from components.workspace import Workspace
from flows import services

STORE = "postgresql+psycopg://heed:100%25-secret@db/mlflow"
SECRETS = dict.fromkeys(services.MLFLOW_AUTH, "given")


def mlflow(root: Path, **settings: str) -> Service:
    told = {f"HEED_{name.upper()}": value for name, value in settings.items()}
    workspace = Workspace(root, load(environment=told))
    workspace.state.mkdir()
    where = services.Place({"mlflow": "127.0.0.1"}, {"mlflow": 5000}, "http://prefect:4200/api")
    [[service], *_] = services.services(workspace, where, ["mlflow"], [])
    return service


def test_mlflow_keeps_things_in_the_workspace_and_asks_nobody_for_a_password(tmp_path: Path) -> None:
    service = mlflow(tmp_path)
    assert service.environment["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{tmp_path}/.heed/mlflow.db"
    assert service.environment["MLFLOW_ARTIFACTS_DESTINATION"] == f"file://{tmp_path}/.heed/artifacts"
    assert "--app-name" not in service.command


def test_mlflow_of_a_team_has_its_users_beside_its_runs_and_shows_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    service = mlflow(tmp_path, mlflow_tracking_uri=STORE, mlflow_artifacts="s3://mlflow/a", servers_mlflow_auth="true")
    assert service.environment["MLFLOW_BACKEND_STORE_URI"] == STORE
    assert service.environment["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://mlflow/a"
    assert "secret" not in " ".join(service.command)
    users = Path(service.environment["MLFLOW_AUTH_CONFIG_PATH"])
    assert users.stat().st_mode & 0o777 == 0o600
    read = ConfigParser()
    read.read(users)
    assert read["mlflow"]["database_uri"] == STORE


def test_mlflow_is_not_started_without_what_it_needs_to_ask_for_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_AUTH_ADMIN_USERNAME", "ada")
    with pytest.raises(BadInput, match="without MLFLOW_FLASK_SERVER_SECRET_KEY, MLFLOW_AUTH_ADMIN_PASSWORD"):
        mlflow(tmp_path, servers_mlflow_auth="true")
