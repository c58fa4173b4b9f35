"""Two machines that share a Prefect server: one retrains, the other is told so, and a dead one holds it not long."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

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


@pytest.fixture
def slow(server: str) -> str:
    """The same server, behind a line on which each of its answers takes more than a second."""
    near = urlsplit(server)

    def carry(source: socket.socket, sink: socket.socket, seconds: float) -> None:
        while carried := source.recv(65_536):
            time.sleep(seconds)
            sink.sendall(carried)

    def join(listener: socket.socket) -> None:
        while True:
            client, _ = listener.accept()
            behind = socket.create_connection((near.hostname, near.port))
            threading.Thread(target=carry, args=(client, behind, 0), daemon=True).start()
            threading.Thread(target=carry, args=(behind, client, 1.2), daemon=True).start()

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=join, args=(listener,), daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/api"


def test_a_slow_server_is_not_taken_for_somebody_who_retrains(machines: tuple[Path, Path], slow: str) -> None:
    holder = _holding(machines[0], slow, 0)
    assert _said(holder) == "has it"
    assert holder.wait() == 0


def _holding(workspace: Path, server: str, seconds: float) -> "subprocess.Popen[str]":
    return _started(HOLDS, workspace, server, str(seconds))


def _started(program: str, workspace: Path, server: str, *arguments: str) -> "subprocess.Popen[str]":
    own = {"PYTHONPATH": str(REPOSITORY), "HOME": str(workspace.parent), "HEED_WORKSPACE": str(workspace)}
    command = [sys.executable, "-c", program, str(workspace), *arguments]
    return subprocess.Popen(command, env=own | {"PREFECT_API_URL": server}, stdout=subprocess.PIPE, text=True)


def _said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()
