"""The real thing, driven as a user drives it: processes, files, exit codes."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mlflow import MlflowClient

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Heed:
    """The command line in one workspace, with a home directory that holds nothing.

    Attributes:
        root: the workspace.
        home: the home directory.
        api: a Prefect server to report to; empty for the temporary one that every command starts.
        told: what else stands in the environment.
    """

    root: Path
    home: Path
    api: str = ""
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        ours = ("PREFECT_", "MLFLOW_", "HEED_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        served = {"PREFECT_API_URL": self.api} if self.api else {}
        return kept | served | self.told | {"HOME": str(self.home), "PYTHONPATH": str(REPOSITORY)}

    @property
    def mlflow(self) -> "MlflowClient":
        """The workspace's own tracking store and registry, whatever this process has looked at before."""
        from mlflow import MlflowClient

        store = f"sqlite:///{self.root / '.heed' / 'mlflow.db'}"
        return MlflowClient(store, registry_uri=store)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=400)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def json(self, *arguments: str) -> Any:
        """What a command that has to succeed prints as its one JSON object."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        assert "leaked" not in done.stderr  # as native libraries say that are not ended in order
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def heed_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Heed]:
    home = tmp_path_factory.mktemp("home")
    return lambda root: Heed(root, home)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server of the user's own; yields the address of its API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/api"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=1)
                break
            except OSError:
                time.sleep(0.25)
        yield address
    finally:
        process.terminate()
        process.wait()
