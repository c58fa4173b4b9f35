"""The sample that the repository pins is made again from its seed, in a clone, to the byte."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the repository, with what has been changed here since the last commit."""
    place = tmp_path_factory.mktemp("clone") / "heed"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(place)], check=True)
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, place / name)
    return place


def run(clone: Path, *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEED_", "PREFECT_", "MLFLOW_"))}
    environment = {**kept, "PYTHONPATH": str(clone), "DVC_NO_ANALYTICS": "true"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_sample_is_what_data_dvc_pins(clone: Path) -> None:
    pinned = (clone / "data.dvc").read_bytes()
    placed = json.loads(run(clone, "-m", "flows.cli", "simulate", "--sample", "--json"))
    assert placed == {
        "interactions": 379,
        "feedback": 274,
        "signals": 235,
        "preferences": 151,
        "unpaired": 48,
        "checklists": 1,
    }
    assert run(clone, "-m", "dvc", "status").strip() == "Data and pipelines are up to date."
    assert (clone / "data.dvc").read_bytes() == pinned
