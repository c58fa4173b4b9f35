"""A person who asks to be forgotten: gone from the next version, and every earlier one that holds them is named."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from components.records.errors import BadInput
from components.records.schemas import Feedback, Interaction, Preference, Signal, as_records
from components.validation import quarantine
from components.workspace import Workspace, versions
from components.workspace.forgetting import forget


def message(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def told_by(user: str | None, question: str) -> dict[str, pl.DataFrame]:
    """One question, an answer, a like with the signal it gives, and a pair made of that signal."""
    asked, answer = message("user", question), message("assistant", "Yes.")
    interactions = as_records(
        pl.DataFrame({"prompt": [asked], "response": [answer], "user": [user], "source": ["test"]}), Interaction
    )
    about = interactions["id"].item()
    liked = pl.DataFrame({"interaction": [about], "kind": ["thumb"], "score": [1.0], "source": ["test"]})
    feedback = as_records(liked, Feedback)  # nobody's, but about what the user said
    signal = {
        "feedback": feedback["id"].item(),
        "interaction": about,
        "polarity": "satisfied",
        "rubric": "thumb",
        "strength": 1.0,
        "detector": "explicit/1",
    }
    signals = as_records(pl.DataFrame([signal]), Signal)
    pair = {"prompt": [asked], "chosen": [answer], "rejected": [message("assistant", "No.")], "source": ["test"]}
    made = pl.DataFrame({**pair, "strength": [1.0], "weight": [1.0], "provenance": [signals["id"].to_list()]})
    return {
        "interactions": interactions,
        "feedback": feedback,
        "signals": signals,
        "preferences": as_records(made, Preference),
    }


def both(*parts: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    return {kind: pl.concat([part[kind] for part in parts]) for kind in parts[0]}


def test_all_that_is_a_persons_leaves_the_next_version_and_nobody_elses(workspace: Workspace) -> None:
    versions.land(workspace, both(told_by("ada", "Ada's secret?"), told_by("bob", "Bob's question?")), "a file")
    mixed, _ = versions.land(workspace, told_by("bob", "Another of Bob's?"), "a file")
    untouched = {path.name for path in workspace.data.iterdir() if path.name.startswith("000002")}
    done = forget(workspace, ["ada", "f" * 32])
    assert done.removed == {"interactions": 1, "feedback": 1, "signals": 1, "preferences": 1}
    for kind in done.removed:
        left = versions.read(workspace, done.dataset, kind)
        assert left.height == 2
        assert "Ada" not in str(left.to_dicts())
    assert untouched < {path.name for path in workspace.data.iterdir()}
    assert versions.read(workspace, mixed).height == 3


def test_the_versions_that_still_hold_the_person_are_named_and_no_others(workspace: Workspace) -> None:
    versions.land(workspace, told_by("bob", "Before Ada came?"), "a file")
    first, _ = versions.land(workspace, told_by("ada", "Ada's secret?"), "a file")
    second, _ = versions.land(workspace, told_by("bob", "After Ada?"), "a file")
    done = forget(workspace, ["ada"])
    assert [earlier.hash for earlier in done.earlier] == [second.hash, first.hash]
    assert all(earlier.known for earlier in done.earlier)
    again = forget(workspace, ["ada"])
    assert again.removed == {}
    assert again.dataset == done.dataset
    assert again.earlier == done.earlier


def test_a_version_that_is_not_on_this_machine_may_hold_the_person_and_is_named(workspace: Workspace) -> None:
    first, _ = versions.land(workspace, told_by("bob", "Long ago?"), "a file")
    versions.land(workspace, told_by("bob", "Later?"), "a file")
    versions.land(workspace, told_by("ada", "Now?"), "a file")
    manifest = next((workspace.root / ".dvc" / "cache").rglob(f"*{first.hash[2:]}"))
    manifest.unlink()
    done = forget(workspace, ["ada"])
    assert [(earlier.hash == first.hash, earlier.known) for earlier in done.earlier] == [(False, True), (True, False)]


def test_data_lands_as_ever_after_somebody_was_forgotten(workspace: Workspace) -> None:
    versions.land(workspace, told_by("ada", "The only one?"), "a file")
    assert forget(workspace, ["ada"]).dataset.preferences == 0
    dataset, landed = versions.land(workspace, told_by("bob", "Here I am?"), "a file")
    assert (dataset.preferences, landed["preferences"]) == (1, 1)
    assert len(list(workspace.data.iterdir())) == 1


def test_a_forgetting_that_was_killed_halfway_loses_nothing_and_can_be_done_again(
    workspace: Workspace, shell: Callable[[Path, str], subprocess.CompletedProcess[str]]
) -> None:
    versions.land(workspace, both(told_by("ada", "Ada's secret?"), told_by("bob", "Bob's?")), "a file")
    shutil.rmtree(next(workspace.data.iterdir()))  # where a kill between taking away and putting back leaves it
    with pytest.raises(BadInput, match="dvc checkout"):
        forget(workspace, ["ada"])
    shell(workspace.root, "dvc checkout")
    done = forget(workspace, ["ada"])
    assert done.removed["interactions"] == 1
    assert "Bob" in str(versions.read(workspace, done.dataset, "interactions").to_dicts())


def test_rows_in_quarantine_that_name_the_person_go_too(workspace: Workspace) -> None:
    rows = [{"user": "ada", "text": "mine"}, {"rater": "ada"}, {"user": "bob", "text": "about ada"}]
    told = {"file": "a.jsonl", "line": [1, 2, 3], "reason": "odd", "row": [json.dumps(row) for row in rows]}
    problems = pl.DataFrame(told).with_columns(kind=pl.lit(None, pl.String), format=pl.lit("heed"))
    quarantine.hold(workspace.quarantine, problems)
    before = quarantine.rows(workspace.quarantine)
    quarantine.release(workspace.quarantine, before[2:], "hers", json.dumps({"user": "ada", "text": "mended"}))
    quarantine.discard(workspace.quarantine, before[2:], "not hers after all")
    assert forget(workspace, ["ada"]).quarantined == 3
    left = quarantine.rows(workspace.quarantine)
    assert left.drop("state").equals(before[2:].drop("state"))
    assert left["state"].to_list() == ["discarded"]
    assert "mended" not in (workspace.quarantine / "decisions.jsonl").read_text()


def test_what_killed_landings_left_of_the_person_goes_too(workspace: Workspace) -> None:
    versions.land(workspace, told_by("ada", "Tea?"), "a test")
    left = [
        workspace.state / "shelves-x" / "feedback" / "0" / "000001.arrow",
        workspace.state / "batch-x" / "a.parquet",
    ]
    for file in left:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"ada")
    forget(workspace, ["ada"])
    assert not any(file.exists() for file in left)
