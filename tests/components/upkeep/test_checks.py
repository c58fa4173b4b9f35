"""The doctor says what is wrong, how bad that is and what to do, and never waits for what does not answer."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from components.feedback.capture.store import Store
from components.services import note
from components.services.note import Note, Process
from components.upkeep import checks
from components.upkeep.checks import CHECKS, examine
from components.workspace import Workspace, find, pinning
from components.workspace.git import git


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says anything."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def having(workspace: Workspace, *overrides: str) -> Workspace:
    return find(workspace.root, overrides)


def test_a_new_workspace_is_well_but_for_the_remote_it_lacks(workspace: Workspace) -> None:
    found = {check.name: check for check in examine(having(workspace, "servers.prefect_port=0", "capture.port=0"))}
    assert found.keys() == CHECKS.keys()
    assert {name for name, check in found.items() if check.state == "bad"} <= {"disk"}
    assert (found["dvc remote"].state, found["dvc remote"].found) == ("warning", "the dataset is only on this machine")
    assert "dvc remote add" in found["dvc remote"].to_do
    assert all(check.to_do for check in found.values() if check.state != "ok")


def test_data_that_is_gone_is_said_with_the_way_back(
    workspace: Workspace, land: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(workspace, "first")
    whole = checks.data(workspace)
    assert (whole.state, whole.found.split(":")[1]) == ("ok", " 1 files")
    shutil.rmtree(next(workspace.data.iterdir()))
    before = git(workspace.root, "rev-parse", "HEAD")
    gone = checks.data(workspace)
    assert (gone.state, gone.to_do) == ("bad", "Run `dvc checkout`.")
    assert git(workspace.root, "rev-parse", "HEAD") == before  # it was looked at, and not pinned
    shutil.rmtree(workspace.root / ".dvc" / "cache")
    lost = next(check for check in examine(workspace) if check.name == "data")
    assert (lost.state, lost.to_do) == ("bad", "Run `dvc pull`.")


def test_a_damaged_database_is_named(workspace: Workspace) -> None:
    with closing(Store(workspace.capture_store)) as store:
        store.add_key("app", ["write"])
    assert checks.databases(workspace).found == "capture.db, mlflow.db are whole"
    with closing(sqlite3.connect(workspace.state / "mlflow.db")) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'experiments'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with (workspace.state / "mlflow.db").open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    found = checks.databases(workspace)
    assert found.state == "bad"
    assert "mlflow.db: " in found.found
    assert "capture.db" not in found.found
    (workspace.state / "mlflow.db").write_bytes(b"no database at all, but text" * 100)
    assert "file is not a database" in checks.databases(workspace).found


def test_a_port_that_somebody_else_has_is_named_and_heed_s_own_is_not(workspace: Workspace, silent: int) -> None:
    taken = having(workspace, f"capture.port={silent}", "servers.prefect_port=0", "servers.mlflow_port=0")
    found = checks.ports(taken)
    assert (found.state, f"port {silent} (capture.port)" in found.found) == ("warning", True)
    note.write(taken.state, note.mine({"capture": f"http://127.0.0.1:{silent}"}, "", own=True))
    assert checks.ports(taken).state == "ok"


def test_a_server_that_does_not_answer_is_bad_within_seconds(
    workspace: Workspace, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 0.5)
    start = time.monotonic()
    hanging = having(workspace, f"mlflow.tracking_uri=http://ada:hush@127.0.0.1:{silent}")
    found = checks.mlflow(hanging)
    assert (found.state, "does not answer" in found.found, "hush" in found.found) == ("bad", True, False)
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{silent}/api")
    assert checks.prefect(workspace).state == "bad"
    assert time.monotonic() - start < 5
    assert checks.mlflow(workspace).state == "ok"


def test_a_check_that_takes_too_long_is_left_and_the_others_are_asked(
    workspace: Workspace, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = having(workspace, f"mlflow.tracking_uri=http://127.0.0.1:{silent}")
    wanted = {name: CHECKS[name] for name in ("python", "mlflow", "processes")}
    monkeypatch.setattr(checks, "CHECKS", wanted)
    start = time.monotonic()
    found = {check.name: check for check in examine(hanging, longest=1)}
    assert time.monotonic() - start < 4
    assert [check.state for check in found.values()] == ["ok", "warning", "ok"]
    assert found["mlflow"].found == "no answer in 1 s"


def test_a_postgres_that_is_away_is_bad_and_its_password_is_not_shown(workspace: Workspace, silent: int) -> None:
    away = having(workspace, "capture.store=postgresql://ada:hush@127.0.0.1:9/heed?connect_timeout=2")
    found = next(check for check in examine(away) if check.name == "capture store")
    assert (found.state, "hush" in found.found + found.to_do) == ("bad", False)
    assert found.to_do == "Start the database or mend capture.store."


def test_a_remote_is_asked_and_one_that_is_not_there_is_said(
    workspace: Workspace, tmp_path: Path, land: Callable
) -> None:
    dvc = [sys.executable, "-m", "dvc", "remote", "add", "--quiet", "--default", "team", str(tmp_path / "remote")]
    subprocess.run(dvc, cwd=workspace.root, check=True, env=os.environ | {"DVC_NO_ANALYTICS": "true"})
    empty = checks.remote(workspace)
    assert (empty.state, empty.found) == ("warning", "the DVC remote team holds nothing")
    land(workspace, "first")
    assert checks.remote(workspace).state == "ok"


def test_what_a_killed_heed_up_left_is_named(workspace: Workspace) -> None:
    with subprocess.Popen(["sleep", "60"]) as left:
        try:
            kept = Process.of(left.pid)
            assert kept
            told = Note(
                supervisor=Process(pid=left.pid, began=0, boot=""), services={"capture": kept}, prefect="", own=True
            )
            note.write(workspace.state, told)
            found = checks.left_behind(workspace)
        finally:
            left.kill()
    assert (found.state, found.to_do, str(left.pid) in found.found) == ("warning", "Run `heed down`.", True)
    assert checks.left_behind(workspace).state == "ok"


def test_the_hub_is_asked_only_where_a_model_of_it_is_named(
    workspace: Workspace, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent}")
    monkeypatch.setattr(checks, "PATIENCE", 0.5)
    (workspace.root / "here").mkdir()
    assert checks.hub(having(workspace, "base.model=here")).state == "ok"
    assert checks.hub(having(workspace, "reward.model=nobody/uses-it")).state == "ok"  # of another method
    found = checks.hub(having(workspace, "base.model=nobody/has-this-one"))
    assert (found.state, "nobody/has-this-one" in found.found) == ("bad", True)


def test_the_command_ends_with_2_and_says_everything_where_something_is_bad(workspace: Workspace) -> None:
    (workspace.state / "capture.db").write_bytes(b"not a database, but text" * 100)
    command = [sys.executable, "-m", "flows.cli", "doctor", "--json", "--workspace", str(workspace.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 2, done.stderr
    assert told.keys() == CHECKS.keys()
    assert told["databases"]["state"] == "bad"
    assert told["data"]["found"].startswith(f"dataset version {pinning.pinned_hash(workspace)[:12]} is whole")
