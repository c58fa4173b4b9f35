"""Backup, restore and gc as they are typed: what they print, what they refuse, how they end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.workspace import pinning
from components.workspace.creation import create
from components.workspace.workspace import Workspace


def heed(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return create(tmp_path_factory.mktemp("here") / "work", "# a gate policy\n")


def test_a_backup_and_the_way_back(workspace: Workspace, tmp_path: Path) -> None:
    made = heed("backup", tmp_path / "work.tar.zst", "--workspace", workspace.root, "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert told["bytes"] == (tmp_path / "work.tar.zst").stat().st_size
    assert (told["dataset"], told["versions"]) == (pinning.pinned_hash(workspace), 1)
    back = heed("restore", tmp_path / "work.tar.zst", tmp_path / "other")
    assert back.returncode == 0, back.stderr
    assert f"{told['files']} files" in back.stdout
    assert back.stdout.splitlines()[-1] == f"Next: heed doctor --workspace {tmp_path / 'other'}"
    again = heed("restore", tmp_path / "work.tar.zst", tmp_path / "other")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("heed: there is something here already")


def test_gc_shows_and_only_deletes_when_it_is_told_to(workspace: Workspace) -> None:
    shown = heed("gc", "--workspace", workspace.root, "--json")
    assert shown.returncode == 0, shown.stderr
    nothing = {"models": [], "datasets": [], "paths": [], "bytes": 0}
    assert json.loads(shown.stdout) == nothing | {"deleted": False}
    assert heed("gc", "--workspace", workspace.root, "--yes").stdout == "There is nothing to delete.\n"
    assert heed("gc", "--workspace", workspace.root, "--keep", "0").returncode == 2
