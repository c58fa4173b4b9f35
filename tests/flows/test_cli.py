"""A command that is told to end does, whatever it is at."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.config import load
from components.workspace import Workspace
from flows.terminal import mlflow_ui
from tests.small_disk import SmallDisk

ENDED_IN_A_FINALIZER = """
import os, signal, time, weakref
from flows import cli

class Thing:
    pass

def finalize():
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000):
        pass

def command(standalone_mode):
    thing = Thing()
    weakref.finalize(thing, finalize)
    del thing
    time.sleep(20)

cli.app = command
cli.main()
"""


def test_a_signal_that_comes_while_python_tidies_up_ends_a_command() -> None:
    done = subprocess.run([sys.executable, "-c", ENDED_IN_A_FINALIZER], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (143, "")


def test_what_a_full_disk_keeps_from_being_done_is_one_line_and_done_once_there_is_room(small_disk: SmallDisk) -> None:
    root = small_disk.folder / "work"
    for free in (0, 40_000, 200_000):
        small_disk.fill(but=free)
        refused = heed("init", str(root))
        assert refused.returncode == 2
        assert len(refused.stderr.strip().splitlines()) == 1
        assert "disk is full" in refused.stderr
        small_disk.empty()
    made = heed("init", str(root), "--json")
    assert (made.returncode, json.loads(made.stdout)) == (0, {"workspace": str(root)})
    assert subprocess.run(["git", "status", "--short"], cwd=root, capture_output=True, check=True).stdout == b""
    # A server of Prefect's would wait for room for its own database, for minutes.
    cramped = heed("ingest", str(root / "heed.toml"), "--workspace", str(root))
    assert cramped.returncode == 2
    assert "MB are free on this disk" in cramped.stderr
    assert len(cramped.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "uri",
    [
        "https://ada:hush@mlflow.example.com",
        "postgresql+psycopg://ada:hush@db.example.com/mlflow",
        "postgresql+psycopg://db.example.com/mlflow?user=ada&password=hush",
    ],
)
def test_the_way_into_the_mlflow_ui_is_shown_without_a_password(uri: str) -> None:
    shown = mlflow_ui(Workspace(Path("/somewhere"), load(overrides=[f"mlflow.tracking_uri={uri}"])))
    assert "example.com" in shown
    assert "hush" not in shown


def heed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    # Commands that ran in this process have told it where theirs keep things.
    told = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "HEED_"))}
    command = [sys.executable, "-m", "flows.cli", *arguments]
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False)
