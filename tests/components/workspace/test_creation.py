"""A workspace can be made anywhere, keeps what is there, and can be made again after an interruption."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from components.config import Settings
from components.records.errors import BadInput
from components.workspace import Workspace, find, pinning, versions
from components.workspace.creation import create

ROOT = Path(__file__).parents[3]
POLICY = "# a gate policy\n"
NEW = {"heed.toml", "data", "data.dvc", "mlflow", ".git", ".gitignore", ".dvc", ".dvcignore"}

pytestmark = pytest.mark.usefixtures("_no_settings")


@pytest.fixture
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HEED_"):
            monkeypatch.delenv(name)


def unpinned(workspace: Workspace) -> dict:
    """What DVC finds in data/ that data.dvc does not say."""
    with pinning.opened(workspace.root) as repo:
        return repo.status()


def test_a_fresh_folder_becomes_a_workspace_with_nothing_left_to_commit(tmp_path: Path, shell: Callable) -> None:
    made = create(tmp_path / "deep" / "down", POLICY)
    assert {path.name for path in made.root.iterdir()} == NEW
    assert made.settings == find(made.root).settings == Settings()
    assert made.gate_file.read_text() == POLICY
    assert shell(made.root, "git status --porcelain").stdout == ""
    assert unpinned(made) == {}
    assert versions.current(made).preferences == 0
    assert [message for _, _, message in pinning.history(made)] == ["Start with an empty dataset"]
    assert ".dvc/cache" not in shell(made.root, "git ls-files").stdout


def test_what_a_repository_holds_is_kept(tmp_path: Path, shell: Callable) -> None:
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "gate.toml").write_text("# ours\n")
    (tmp_path / "code.py").write_text("print(1)\n")
    (tmp_path / ".gitignore").write_text("secret")  # with no newline at its end
    shell(tmp_path, "git init -q && git add code.py .gitignore && git commit -qm Ours && echo 2 >> code.py")
    (tmp_path / "half.py").write_text("done soon\n")
    (tmp_path / "secret").write_text("shh\n")
    shell(tmp_path, "git add half.py")

    made = create(tmp_path, POLICY)

    assert made.gate_file.read_text() == "# ours\n"
    assert shell(tmp_path, "git status --porcelain").stdout.split("\n")[:-1] == [" M code.py", "A  half.py"]
    assert (tmp_path / ".gitignore").read_text().split() == ["secret", "/data", "/.heed/"]
    assert shell(tmp_path, "git log --format=%s").stdout.split("\n")[-2] == "Ours"
    assert len(shell(tmp_path, "git log --format=%s").stdout.splitlines()) == 3
    assert versions.current(made).preferences == 0


def test_a_repository_that_uses_dvc_already_keeps_its_settings(tmp_path: Path, shell: Callable) -> None:
    shell(tmp_path, "git init -q && dvc init -q && rm .dvcignore && git add . && git commit -qm Ours")
    (tmp_path / ".dvc" / "config").write_text("['remote \"store\"']\n    url = /somewhere\n")
    made = create(tmp_path, POLICY)
    assert "url = /somewhere" in shell(tmp_path, "git show HEAD:.dvc/config").stdout
    assert versions.current(made).preferences == 0


def test_a_workspace_is_not_made_twice(tmp_path: Path) -> None:
    made = create(tmp_path, POLICY)
    before = versions.current(made)
    with pytest.raises(BadInput, match="already"):
        create(tmp_path, POLICY)
    assert versions.current(made) == before


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_does_not_become_a_workspace(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match="cannot make the folder"):
        create(tmp_path / place, POLICY)
    assert (tmp_path / "file").read_text() == "mine"


def test_data_that_git_holds_is_refused_with_the_way_out_and_then_taken(tmp_path: Path, shell: Callable) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "old.csv").write_text("1,2\n")
    shell(tmp_path, "git init -q && git add . && git commit -qm Ours")
    with pytest.raises(BadInput, match="git rm -r --cached 'data'") as caught:
        create(tmp_path, POLICY)
    assert "\n" not in str(caught.value)
    shell(tmp_path, "git rm -rq --cached data && git commit -qm 'Stop tracking data'")
    made = create(tmp_path, POLICY)
    assert (tmp_path / "data" / "old.csv").read_text() == "1,2\n"
    assert unpinned(made) == {}


def test_a_machine_without_a_home_or_a_git_identity_can_do_it(tmp_path: Path, shell: Callable) -> None:
    home = tmp_path / "home"
    home.mkdir()
    code = f"from components.workspace.creation import create; create(__import__('pathlib').Path('made'), {POLICY!r})"
    bare = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=bare, check=True, timeout=60)
    assert (
        shell(tmp_path / "made", "git log --format='%an <%ae>'").stdout.split("\n")[:2] == ["heed <heed@localhost>"] * 2
    )


def test_a_user_s_own_identity_is_used(tmp_path: Path, shell: Callable) -> None:
    shell(tmp_path, "git init -q && git config user.name Grace && git config user.email grace@example.org")
    create(tmp_path, POLICY)
    assert set(shell(tmp_path, "git log --format='%an <%ae>'").stdout.split("\n")) == {"Grace <grace@example.org>", ""}


MAKE = """
import sys
from pathlib import Path
import dvc.repo
from components.workspace.creation import create
print("ready", flush=True)
create(Path(sys.argv[1]), "# a gate policy\\n")
"""


def test_a_killed_init_can_be_run_again(tmp_path: Path, script: Callable, shell: Callable) -> None:
    root = tmp_path / "work"
    with script(MAKE, root) as process:
        time.sleep(random.uniform(0, 0.5))
        process.kill()
    settled = time.monotonic() + 5
    while (root / ".git" / "index.lock").exists() and time.monotonic() < settled:
        time.sleep(0.01)  # a git that outlives its parent finishes what it does
    try:
        create(root, POLICY)
    except BadInput as error:
        assert "already" in str(error)  # noqa: PT017 it may have been done in time
    made = find(root)
    assert {path.name for path in root.iterdir()} >= NEW
    assert shell(root, "git status --porcelain").stdout == ""
    assert unpinned(made) == {}
    assert versions.current(made).preferences == 0
    assert made.gate_file.read_text() == POLICY


@pytest.mark.parametrize("step", ["dvc", "dvcignore", "settings"])
def test_an_init_that_stopped_after_a_step_can_be_run_again(tmp_path: Path, shell: Callable, step: str) -> None:
    stopped = {
        "dvc": "git init -q && mkdir .dvc",
        "dvcignore": "git init -q && mkdir .dvc && touch .dvc/config",
        "settings": "git init -q && dvc init -q && printf '[train]\\nbeta = 0.3\\n' > heed.toml",
    }
    shell(tmp_path, stopped[step])
    made = create(tmp_path, POLICY)
    assert shell(tmp_path, "git ls-files heed.toml data.dvc .dvc").stdout.split() == [
        ".dvc/.gitignore",
        ".dvc/config",
        "data.dvc",
        "heed.toml",
    ]
    assert versions.current(made).preferences == 0
    assert find(tmp_path).settings.train.beta == (0.3 if step == "settings" else 0.1)


def test_an_init_that_was_killed_within_dvc_s_own_is_made_whole(tmp_path: Path, shell: Callable) -> None:
    root = tmp_path / "work"
    root.mkdir()
    shell(root, "git init -q && dvc init -q")
    (root / ".dvcignore").unlink()
    create(root, POLICY)
    assert {path.name for path in root.iterdir()} >= NEW
    assert shell(root, "git status --porcelain").stdout == ""
