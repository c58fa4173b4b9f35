"""Whoever was killed in the midst of a flow is said to have crashed; whoever is at work is left alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from components.workspace.creation import create
from tests.e2e.conftest import REPOSITORY

AT_WORK = """
import sys, time
from pathlib import Path
from components.workspace import find
from flows.engine import prefect, settle

workspace = find(Path(sys.argv[1]))
settle(workspace.root)
with prefect(workspace):
    from prefect import flow

    @flow(name="inner")
    def inner():
        print("at work", flush=True)
        time.sleep(float(sys.argv[2]))

    @flow(name="outer")
    def outer():
        inner()

    outer()
"""

BURIES = """
import json, sys
from pathlib import Path
from components.workspace import find
from flows.engine import prefect, settle

workspace = find(Path(sys.argv[1]))
settle(workspace.root)
with prefect(workspace):
    from prefect.client.orchestration import get_client
    from flows.burying import bury

    buried = bury(workspace)
    with get_client(sync_client=True) as client:
        states = sorted(run.state_name for run in client.read_flow_runs())
    print(json.dumps([buried, states]))
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return create(tmp_path / "work", "# a gate policy\n").root


def test_the_killed_have_crashed_and_the_living_go_on(workspace: Path) -> None:
    killed = _started(AT_WORK, workspace, "600")
    assert _said(killed) == "at work"
    for one in [*psutil.Process(killed.pid).children(recursive=True), psutil.Process(killed.pid)]:
        one.kill()
    killed.wait()
    living = _started(AT_WORK, workspace, "600")
    assert _said(living) == "at work"
    buries = _started(BURIES, workspace)
    buried, states = json.loads(_said(buries))
    assert buries.wait() == 0
    assert (buried, states) == (2, ["Crashed", "Crashed", "Running", "Running"])
    assert len(list((workspace / ".heed" / "processes").glob("*.lock"))) == 1  # of the living
    living.terminate()
    living.wait()


def _started(program: str, workspace: Path, *arguments: str) -> "subprocess.Popen[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "HEED_"))}
    own = {"PYTHONPATH": str(REPOSITORY), "HOME": str(workspace.parent)}
    command = [sys.executable, "-c", program, str(workspace), *arguments]
    return subprocess.Popen(command, env=kept | own, stdout=subprocess.PIPE, text=True)


def _said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()
