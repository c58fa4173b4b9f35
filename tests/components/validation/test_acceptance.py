"""What was accepted, by whom and why, stays written down and in git."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from components.records.errors import BadInput
from components.validation import acceptance
from components.workspace import Workspace, find, git, looked, pinning, versions
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


def test_a_reason_of_any_signs_is_read_again_and_a_batch_is_named_by_its_whole_number(workspace: Workspace) -> None:
    first, _ = versions.land(workspace, {"preferences": PREFERENCES[:1]}, "a")
    acceptance.accept(workspace, first, "seen\u2028by\u0085hand")
    assert [kept.because for kept in acceptance.acceptances(workspace)] == ["seen\u2028by\u0085hand"]
    for other in ("0", "", "²", "00000"):
        with pytest.raises(BadInput, match="newest batch is 1"):
            acceptance.batch_named(workspace, other)


def test_an_accepted_version_that_is_not_here_any_more_is_compared_with_no_longer(workspace: Workspace) -> None:
    kept = [versions.land(workspace, {"preferences": PREFERENCES[at : at + 1]}, "a")[0] for at in range(2)]
    for version in kept:
        acceptance.accept(workspace, version, "fine")
    assert acceptance.last_accepted(workspace) == kept[1].hash
    with pinning.opened(workspace.root) as repo:
        Path(repo.cache.local.oid_to_path(kept[1].hash)).unlink()
    assert acceptance.last_accepted(workspace) == kept[0].hash


def test_every_batch_that_nobody_accepted_is_looked_at_however_much_lands_after_it(workspace: Workspace) -> None:
    different = [PREFERENCES[:1].with_columns(id=pl.lit(f"{number:032x}")) for number in range(3)]
    kept = [versions.land(workspace, {"preferences": pair}, "a")[0] for pair in different]
    assert len(acceptance.batches_since(workspace, None, kept[2].hash)) == 3
    acceptance.accept(workspace, kept[0], "fine")
    since = acceptance.batches_since(workspace, acceptance.last_accepted(workspace), kept[2].hash)
    assert [batch[:6] for batch in since] == ["000002", "000003"]


def test_an_acceptance_leaves_nothing_for_git_to_ask_about(workspace: Workspace) -> None:
    versions.land(workspace, {"preferences": PREFERENCES}, "a")
    acceptance.accept(workspace, versions.current(workspace), "fine")
    assert git.git(workspace.root, "status", "--porcelain") == ""


def test_in_a_clone_what_was_accepted_has_been_looked_at_and_what_landed_since_waits(
    workspace: Workspace, tmp_path: Path
) -> None:
    first, _ = versions.land(workspace, {"preferences": PREFERENCES[:1]}, "a")
    acceptance.accept(workspace, first, "no check stops it", acceptance.GATE)
    versions.land(workspace, {"preferences": PREFERENCES[1:]}, "b")
    git.git(tmp_path, "clone", "--quiet", str(workspace.root), "clone")
    shutil.copytree(workspace.data, tmp_path / "clone" / "data", dirs_exist_ok=True)
    clone = find(tmp_path / "clone")
    acceptance.recall(clone)
    assert looked.landed_since(clone) == len(PREFERENCES) - 1
    looked.remember(clone, acceptance.newest_batch(workspace, versions.current(workspace).hash))
    acceptance.recall(clone)
    assert looked.landed_since(clone) == 0
