"""Two machines that share a Prefect server: one retrains, the other is told so, and a dead one holds it not long."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.workspace.creation import create
from tests.e2e.conftest import REPOSITORY

HOLDS = """
import sys, time
from pathlib import Path
from components.records.errors import BadInput
from components.workspace import find
from flows.leasing import one_retraining

try:
    with one_retraining(find(Path(sys.argv[1]))):
        print("has it", flush=True)
        time.sleep(float(sys.argv[2]))
except BadInput as refused:
    print(refused, flush=True)
"""

BY_PREFECT = """
from flows.deployed import retrain

print(retrain(return_state=True).type.value)
"""


@pytest.fixture
def machines(tmp_path: Path) -> tuple[Path, Path]:
    """Clones of one workspace, on two machines."""
    return create(tmp_path / "one" / "bot", "").root, create(tmp_path / "two" / "bot", "").root


def test_one_retrains_and_the_other_is_told(machines: tuple[Path, Path], server: str) -> None:
    first = _holding(machines[0], server, 600)
    assert _said(first) == "has it"
    assert "another machine is already retraining" in _said(_holding(machines[1], server, 0))
    assert "another heed is already retraining" in _said(_holding(machines[0], server, 0))
    assert _said(_started(BY_PREFECT, machines[0], server)) == "CANCELLED"
    first.kill()
    first.wait()
    # The lease runs out after a minute, and Prefect looks for such leases every so often.
    deadline = time.monotonic() + 180
    while _said(_holding(machines[1], server, 0)) != "has it":
        assert time.monotonic() < deadline, "a dead process holds the lease for ever"
        time.sleep(5)


def _holding(workspace: Path, server: str, seconds: float) -> "subprocess.Popen[str]":
    return _started(HOLDS, workspace, server, str(seconds))


def _started(program: str, workspace: Path, server: str, *arguments: str) -> "subprocess.Popen[str]":
    own = {"PYTHONPATH": str(REPOSITORY), "HOME": str(workspace.parent), "HEED_WORKSPACE": str(workspace)}
    command = [sys.executable, "-c", program, str(workspace), *arguments]
    return subprocess.Popen(command, env=own | {"PREFECT_API_URL": server}, stdout=subprocess.PIPE, text=True)


def _said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()
