"""What was accepted, by whom and why, stays written down and in git."""

from pathlib import Path

import pytest

from components.records.errors import BadInput
from components.validation import acceptance
from components.workspace import Workspace, find, git, versions
from components.workspace.creation import create
from tests.components.validation.test_report import PREFERENCES


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    create(tmp_path / "work", "")
    return find(tmp_path / "work")


def test_a_version_is_accepted_until_something_lands(workspace: Workspace) -> None:
    first, _ = versions.land(workspace, {"preferences": PREFERENCES[:1]}, "a")
    assert not acceptance.is_accepted(workspace, first.hash)
    made = acceptance.accept(workspace, acceptance.batch_named(workspace, "1"), "we looked", by="ada")
    assert acceptance.is_accepted(workspace, first.hash)
    assert (made.batch[:6], made.by, made.because) == ("000001", "ada", "we looked")

    second, _ = versions.land(workspace, {"preferences": PREFERENCES[1:]}, "b")
    assert not acceptance.is_accepted(workspace, second.hash)
    assert acceptance.last_accepted(workspace, second.hash) == first.hash
    acceptance.accept(workspace, acceptance.batch_named(workspace, None), "again")
    assert [kept.because for kept in acceptance.acceptances(workspace)] == ["we looked", "again"]
    assert acceptance.last_accepted(workspace, second.hash) == first.hash
    assert "we looked" in git.git(workspace.root, "log", "--format=%s", "--", "expectations/accepted.jsonl")


def test_only_the_newest_batch_can_be_accepted(workspace: Workspace) -> None:
    with pytest.raises(BadInput, match="no batch yet"):
        acceptance.batch_named(workspace, "1")
    for number in range(2):
        versions.land(workspace, {"preferences": PREFERENCES[number : number + 1]}, "a")
    with pytest.raises(BadInput, match=r"newest batch is 2 .*heed accept 2"):
        acceptance.batch_named(workspace, "1")
    assert acceptance.batch_named(workspace, "000002").preferences == 2


def test_a_list_that_was_spoiled_is_said(workspace: Workspace) -> None:
    versions.land(workspace, {"preferences": PREFERENCES}, "a")
    acceptance.accept(workspace, versions.current(workspace), "fine")
    workspace.acceptances.write_text("{}\n")
    with pytest.raises(BadInput, match="not a list of acceptances"):
        acceptance.acceptances(workspace)
