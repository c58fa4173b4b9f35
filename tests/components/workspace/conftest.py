"""Workspaces with real git and DVC, and records to land in them."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from components.records.schemas import Interaction, as_records
from components.workspace import Workspace, find
from components.workspace.creation import create

ROOT = Path(__file__).parents[3]
POLICY = "# a gate policy\n"

Rows = Callable[..., pl.DataFrame]
Spoken = Callable[[Path, str], subprocess.CompletedProcess[str]]
Script = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def rows() -> Rows:
    """Makes interactions that differ by a name: `rows("a", 5)`, or `rows("a", 5, start=3)` for the 4th to the 8th."""

    def made(name: str, count: int, start: int = 0) -> pl.DataFrame:
        asked = [[{"role": "user", "content": f"{name} {number}?"}] for number in range(start, start + count)]
        told = [[{"role": "assistant", "content": "Yes."}]] * count
        return as_records(
            pl.DataFrame({"prompt": asked, "response": told}).with_columns(source=pl.lit(name)), Interaction
        )

    return made


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace to make copies of, which is quicker than making each."""
    return create(tmp_path_factory.mktemp("fresh") / "work", POLICY).root


@pytest.fixture
def workspace(fresh: Path, tmp_path: Path) -> Workspace:
    """A new workspace."""
    return find(Path(shutil.copytree(fresh, tmp_path / "work")))


@pytest.fixture(scope="session")
def shell() -> Spoken:
    """Runs a command line in a folder as a user would; git and this environment's dvc are at hand."""

    def run(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        named = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"}
        named |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in named.items()}
        environment = {**os.environ, **named, "PATH": path, "DVC_NO_ANALYTICS": "true"}
        done = subprocess.run(
            line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def hashes() -> Callable[[Workspace], dict[str, str]]:
    """Every file in data/ with the hash of its bytes."""

    def found(workspace: Workspace) -> dict[str, str]:
        return {
            file.relative_to(workspace.data).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(workspace.data.rglob("*"))
            if file.is_file()
        }

    return found


@pytest.fixture(scope="session")
def script() -> Script:
    """Runs Python code against this repository in a process that can be killed; it starts when it says `ready`."""

    @contextmanager
    def started(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout
                assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
                yield process
            finally:
                process.kill()

    return started
