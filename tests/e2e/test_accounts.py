"""A server with passwords lets some only read, and the doctor says so before hours of training end in it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from components.tracking import client, experiment
from components.upkeep import checks
from components.workspace import Workspace, find
from components.workspace.creation import create
from tests.e2e.conftest import Heed

ADMIN, READER = ("admin", "a-password-of-twelve"), ("ada", "another-of-twelve")


@pytest.fixture
def served(tmp_path: Path, heed_in: Callable[[Path], Heed], server: str) -> Iterator[str]:
    """The address of an MLflow server of `heed up` where whoever has a password may read."""
    told = {
        "HEED_SERVERS_MLFLOW_AUTH": "true",
        "HEED_SERVERS_MLFLOW_PORT": "0",
        "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN[0],
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a key of the forms",
    }
    heed = replace(heed_in(create(tmp_path / "server", "").root), told=told, api=server)
    with heed.start("up", "--only", "mlflow", "--json") as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())["mlflow"]
        finally:
            process.terminate()


@pytest.fixture
def workspace(served: str, tmp_path: Path) -> Workspace:
    return find(create(tmp_path / "work", "").root, (f"mlflow.tracking_uri={served}",))


def test_the_doctor_says_where_an_account_may_only_read(
    served: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(account: tuple[str, str]) -> checks.Found:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", account[0])
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", account[1])
        return checks.mlflow(workspace)

    wanted = {"username": READER[0], "password": READER[1]}
    httpx.post(f"{served}/api/2.0/mlflow/users/create", json=wanted, auth=ADMIN).raise_for_status()
    assert (found(ADMIN).state, "the first retraining shows" in found(ADMIN).found) == ("ok", True)
    made = experiment(workspace)
    tags = client(workspace).get_experiment(made).tags
    assert found(ADMIN).found == f"{served}/health answers, and this account may write"
    assert client(workspace).get_experiment(made).tags == tags
    reader = found(READER)
    assert (reader.state, reader.found) == ("bad", f"{served}/health answers, but this account may not write")
    assert "MLFLOW_TRACKING_USERNAME" in reader.to_do
    assert found((READER[0], "guessed")).state == "bad"
