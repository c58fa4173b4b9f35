"""How much was captured and has not landed, also where somebody put another store in the place of the first."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from components.feedback.capture import collected
from components.feedback.capture.store import Event, Store
from components.workspace import Workspace, find
from components.workspace.creation import create


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = find(create(tmp_path / "work", "").root)
    made.state.mkdir()
    return made


def heard(workspace: Workspace, count: int, name: str) -> None:
    ids = [f"{name}-{number}" for number in range(count)]
    with closing(Store(workspace.capture_store)) as store:
        store.append([Event(id, "feedback", "about", None, f'{{"id": "{id}"}}'.encode()) for id in ids])
        store.append([Event(f"{name}-asked", "interaction", None, None, b"{}")])


def all_collected(workspace: Workspace) -> None:
    with closing(Store(workspace.capture_store)) as store:
        collected.remember(workspace, store.after(0, 1000)[-1])


def test_what_was_collected_waits_no_more(workspace: Workspace) -> None:
    assert collected.waiting(workspace) == 0
    heard(workspace, 5, "first")
    assert collected.waiting(workspace) == 5
    all_collected(workspace)
    heard(workspace, 2, "second")
    assert collected.waiting(workspace) == 2


def test_a_new_store_in_the_place_of_a_damaged_one_is_read_from_its_beginning(workspace: Workspace) -> None:
    heard(workspace, 100, "first")
    all_collected(workspace)
    for file in workspace.state.glob("capture.db*"):
        file.unlink()
    heard(workspace, 30, "second")
    assert collected.waiting(workspace) == 30


def test_a_store_that_was_taken_back_and_has_grown_since_is_read_from_its_beginning(workspace: Workspace) -> None:
    heard(workspace, 10, "kept")
    shutil.copy(workspace.state / "capture.db", workspace.root / "backup.db")
    heard(workspace, 10, "lost")
    all_collected(workspace)
    for file in workspace.state.glob("capture.db*"):
        file.unlink()
    shutil.copy(workspace.root / "backup.db", workspace.state / "capture.db")
    heard(workspace, 40, "new")
    assert collected.waiting(workspace) == 50


def test_another_store_is_read_from_its_beginning(workspace: Workspace) -> None:
    heard(workspace, 5, "first")
    all_collected(workspace)
    other = find(workspace.root, (f"capture.store=sqlite:///{workspace.root}/other.db",))
    heard(other, 7, "second")
    assert (collected.waiting(workspace), collected.waiting(other)) == (0, 7)
