"""A workspace is found from where one stands, and one process at a time holds its locks."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from components.records.errors import BadInput
from components.workspace import Workspace, find
from components.workspace.workspace import known_as


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a heed.toml, and one below it to stand in."""
    monkeypatch.delenv("HEED_WORKSPACE", raising=False)
    (tmp_path / "work" / "notes" / "may").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "work" / "heed.toml").write_text("[train]\nseed = 3\n")
    return tmp_path / "work"


def test_it_is_found_from_below_with_its_own_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home / "notes" / "may")
    found = find(None, ("train.beta=0.7",))
    assert (found.root, found.settings.train.seed, found.settings.train.beta) == (home, 3, 0.7)
    monkeypatch.chdir(home)
    assert find(None).root == home


def test_the_variable_names_it_from_anywhere_and_an_argument_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = home.parent / "other"
    monkeypatch.chdir(other)
    monkeypatch.setenv("HEED_WORKSPACE", "../work")
    assert find(None).root == home
    (other / "heed.toml").write_text("")
    assert find(other).root == other
    monkeypatch.setenv("HEED_WORKSPACE", "")
    assert find(None).root == other


def test_there_being_none_is_said_with_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.parent / "other")
    with pytest.raises(BadInput, match="Run `heed init`"):
        find(None)
    # One that is named is not looked for elsewhere, though this folder is in one.
    monkeypatch.chdir(home / "notes")
    with pytest.raises(BadInput, match="no workspace"):
        find(home / "notes")
    monkeypatch.setenv("HEED_WORKSPACE", str(home.parent / "nowhere"))
    with pytest.raises(BadInput, match="nowhere"):
        find(None)


def test_a_base_model_in_the_workspace_comes_before_one_of_that_name_on_the_hub(home: Path) -> None:
    assert find(home).base_model == ""
    named = find(home, ("base.model=models/small",))
    assert named.base_model == "models/small"
    (home / "models" / "small").mkdir(parents=True)
    assert named.base_model == str(home / "models" / "small")


HOLD = """
import sys, time
from pathlib import Path
from components.workspace import find
from components.workspace.workspace import known_as
with find(Path(sys.argv[1])).lock("data", "landing data"):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_lock_keeps_others_out_and_dies_with_its_process(home: Path, script: Callable) -> None:
    here: Workspace = find(home)
    with script(HOLD, home) as holder:
        with pytest.raises(BadInput, match="already landing data"), here.lock("data", "landing data"):
            pass
        with here.lock("serving", "serving"):
            pass  # another name is another lock
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with here.lock("data", "landing data"):
            pass


def test_a_lock_is_given_back_when_the_work_under_it_fails(home: Path) -> None:
    here = find(home)
    with pytest.raises(ZeroDivisionError), here.lock("data", "landing data"):
        raise ZeroDivisionError
    with here.lock("data", "landing data"):
        pass


@pytest.mark.parametrize(
    ("folder", "name"),
    [("support-bot", "support-bot"), ("R&D 100%", "R-D 100--"), ("Müller", "M-ller-"), ("a" * 300, "a")],
)
def test_a_folder_of_any_name_has_one_that_others_take(folder: str, name: str) -> None:
    known = known_as(Path("/srv") / folder)
    assert known.startswith(name)
    assert len(known) <= 70
    assert not set(known) & set("&%<>/")
    assert known_as(Path("/srv/my&work")) != known_as(Path("/srv/my%work"))
