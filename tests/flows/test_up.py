"""What keeps heed from coming up is one line that says what to do, and nothing is left half up."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from components.config import load
from components.records.errors import BadInput
from components.services import note
from components.workspace import Workspace, find
from components.workspace.creation import create
from flows import services, up
from flows.cli import app


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = create(tmp_path_factory.mktemp("up") / "work", "").root
    (root / ".heed").mkdir()
    return root


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """What commands set for the libraries is set for the test alone."""
    before = dict(os.environ)
    os.environ.pop("PREFECT_API_URL", None)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def workspace(made: Path) -> Iterator[Workspace]:
    settings = load(
        overrides=["servers.prefect_port=0", "servers.mlflow_port=0", "servers.metrics_port=0", "capture.port=0"]
    )
    yield replace(find(made), settings=settings)
    assert note.read(made / ".heed") is None


def never(_: Mapping[str, str]) -> None:
    pytest.fail("it came up")


def started(workspace: Workspace, chosen: tuple[str, ...] = services.NAMES) -> None:
    up.up(workspace, chosen, [], never)


def test_a_port_that_is_taken_is_named_with_its_setting(workspace: Workspace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        busy = replace(workspace, settings=load(overrides=[f"servers.mlflow_port={port}"]))
        with pytest.raises(BadInput, match=rf"port {port} of 127.0.0.1.*servers.mlflow_port"):
            up.up(busy, (services.PREFECT, services.MLFLOW), [], never)


def test_a_damaged_database_is_named_before_anything_starts(workspace: Workspace) -> None:
    database = workspace.state / "mlflow.db"
    database.write_bytes(b"SQLite format 3\x00" + b"half" * 300)
    with pytest.raises(BadInput, match=r"this database is damaged: .*mlflow.db"):
        started(workspace)
    database.unlink()


def test_workers_alone_need_a_server_to_ask(workspace: Workspace) -> None:
    with pytest.raises(BadInput, match=r"no Prefect server to work with.*PREFECT_API_URL"):
        started(workspace, (services.DATA_WORKER,))


def test_what_another_process_left_half_written_stops_nothing(workspace: Workspace) -> None:
    (workspace.state / "up.json").write_text('{"supervisor": {"pi')
    (workspace.state / "up.lock").touch()
    assert up.down(workspace) is False
    with pytest.raises(BadInput, match="no Prefect server"):
        started(workspace, (services.CAPTURE,))


def test_a_training_that_outlived_its_worker_goes_down_too_and_nobody_elses(workspace: Workspace) -> None:
    runs = {"PREFECT__FLOW_RUN_ID": "a run", "HEED_WORKSPACE": str(workspace.root)}
    ours, others = (
        subprocess.Popen(["sleep", "600"], env=os.environ | runs | told)
        for told in ({}, {"HEED_WORKSPACE": str(workspace.root.parent)})
    )
    try:
        assert up.down(workspace) is True
        assert not psutil.pid_exists(ours.pid)
        assert up.down(workspace) is False
        assert others.poll() is None
    finally:
        for process in (ours, others):
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["schedule", "--cron", "bla"], "'bla' names no times"),
        (["schedule", "--cron", "0 3 * * *", "--timezone", "Mars"], "no time zone 'Mars'"),
        (["schedule", "--cron", "0 3 * * *", "--every", "1h"], "both times and an interval"),
        (["schedule", "--every", "3x"], "'3x' is no time"),
        (["schedule", "--every", "5s"], "too short"),
        (["schedule", "--on-feedback", "10", "--at-most-every", "nan"], "is no time"),
        (["up", "--only", "prefekt"], "no service 'prefekt'"),
    ],
)
def test_what_is_no_time_or_no_service_is_said(made: Path, arguments: list[str], says: str) -> None:
    done = CliRunner().invoke(app, [*arguments, "--workspace", str(made)])
    assert isinstance(done.exception, BadInput)
    assert says in str(done.exception)
