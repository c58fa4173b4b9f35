"""The tracking store is whole or not there, whenever whoever makes it is killed."""

import json
import subprocess
import sys
import time
from pathlib import Path

from components.tracking import client, experiment, retrainings_in
from components.workspace.creation import create

MAKES = """
import sys
from pathlib import Path
from components.tracking import client
from components.workspace import find

client(find(Path(sys.argv[1])))
"""


def test_who_was_killed_while_making_the_store_leaves_none_and_the_next_makes_it(tmp_path: Path) -> None:
    workspace = create(tmp_path / "work", "")
    killed = subprocess.Popen([sys.executable, "-c", MAKES, workspace.root])
    deadline = time.monotonic() + 60
    # MLflow's first tables are there by then, and most are not: all of them take 500 kB.
    while not any(_bytes(file) > 100_000 for file in workspace.state.glob(".mlflow.db.*")):
        assert killed.poll() is None
        assert time.monotonic() < deadline
    killed.kill()
    killed.wait()
    assert not (workspace.state / "mlflow.db").exists()

    assert experiment(workspace) == experiment(workspace)
    ours, default = client(workspace).search_experiments()
    assert (ours.name, default.name) == ("heed", "Default")
    view = json.loads(ours.tags["mlflow.sharedViewState.retrainings"])
    assert "metrics.`policy/win_rate`" in json.loads(view["state"])["selectedColumns"]
    address = f"http://h:1/#/experiments/{ours.experiment_id}/runs?viewStateShareKey=retrainings"
    assert retrainings_in("http://h:1", workspace) == address
    assert not list(workspace.state.glob(".mlflow.db.*"))


def _bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
