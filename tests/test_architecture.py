"""The house stays as it was designed: what may import what, what is called what, what is loaded when."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DRAWERS = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "core", "base_utils"}


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_imports_keep_to_their_contracts() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "3 kept, 0 broken" in done.stdout


def test_there_is_no_drawer_for_what_has_no_place() -> None:
    code = [*ROOT.glob("components/**/*.py"), *ROOT.glob("flows/**/*.py"), *ROOT.glob("benchmarks/**/*.py")]
    assert len(code) > 80
    assert [str(file) for file in code if {file.stem, file.parent.name} & DRAWERS] == []


def test_every_file_says_what_it_is_in_its_first_line() -> None:
    code = [*ROOT.glob("components/**/*.py"), *ROOT.glob("flows/**/*.py")]
    assert [str(file) for file in code if not file.read_text().startswith('"""')] == []


def test_the_folder_named_mlflow_does_not_hide_the_library() -> None:
    assert (ROOT / "mlflow").is_dir()
    done = python("-c", "import importlib.util as find; print(find.find_spec('mlflow').origin)")
    assert done.returncode == 0, done.stderr
    found = Path(done.stdout.strip())
    assert found.name == "__init__.py"
    assert ROOT / "mlflow" not in found.parents


LOADED = """
import sys
sys.argv = ["heed", *sys.argv[1:]]
from flows.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
heavy = {"torch", "prefect", "mlflow", "transformers", "trl", "dvc", "sklearn", "matplotlib", "pandera"}
heavy |= {"great_expectations"}
print(sorted(heavy & sys.modules.keys()), file=sys.stderr)
"""


def test_help_and_a_command_s_help_load_no_heavy_library() -> None:
    for arguments in (("--help",), ("retrain", "--help")):
        done = python("-c", LOADED, *arguments)
        assert "Usage" in done.stdout
        assert done.stderr.splitlines()[-1] == "[]", done.stderr
