"""Dataset versions: they only grow, come back byte for byte, and survive what happens to processes and remotes."""

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from components.records.errors import BadInput
from components.records.handles import DatasetVersion
from components.workspace import Workspace, find, git, pinning, versions
from components.workspace.versions import land, read

Rows = Callable[..., pl.DataFrame]


def spoken(workspace: Workspace, version: DatasetVersion | str | None = None) -> list[str]:
    """Ids of the interactions in a version, in order."""
    return read(workspace, version or pinning.pinned_hash(workspace), "interactions")["id"].to_list()


def unpinned(workspace: Workspace) -> dict:
    """What DVC finds in data/ that data.dvc does not say."""
    with pinning.opened(workspace.root) as repo:
        return repo.status()


def remote(workspace: Workspace, place: Path | str) -> None:
    """Give DVC a default remote."""
    with pinning.opened(workspace.root) as repo, repo.config.edit("repo") as settings:
        settings["remote"]["store"] = {"url": str(place)}
        settings["core"]["remote"] = "store"


def test_versions_only_grow_and_each_can_be_read_whatever_landed_since(workspace: Workspace, rows: Rows) -> None:
    a, b, c = rows("a", 5), rows("b", 3), rows("c", 4)
    first, new = land(workspace, {"interactions": a}, "a.jsonl")
    assert new == {"interactions": 5}
    second, _ = land(workspace, {"interactions": b}, "b.jsonl")
    third, new = land(workspace, {"interactions": pl.concat([b, a[:2], c])}, "c.jsonl")
    assert new == {"interactions": 4}

    assert read(workspace, first, "interactions").equals(a)
    assert read(workspace, second, "interactions").equals(pl.concat([a, b]))
    assert read(workspace, third, "interactions").equals(pl.concat([a, b, c]))
    assert read(workspace, first, "feedback").is_empty()
    assert read(workspace, third).height == third.preferences == 0
    assert len({first.hash, second.hash, third.hash}) == 3
    assert [message for _, _, message in pinning.history(workspace)] == [
        "Land 4 interactions from c.jsonl",
        "Land 3 interactions from b.jsonl",
        "Land 5 interactions from a.jsonl",
        "Start with an empty dataset",
    ]
    assert [commit for commit, _, _ in pinning.history(workspace)][:3] == [third.commit, second.commit, first.commit]


def test_what_has_landed_lands_no_more_and_makes_no_commit(workspace: Workspace, rows: Rows, hashes: Callable) -> None:
    first, _ = land(workspace, {"interactions": rows("a", 5)}, "a.jsonl")
    before = hashes(workspace)
    again, new = land(workspace, {"interactions": rows("a", 5)[::-1]}, "renamed.jsonl")
    nothing, none = land(workspace, {"interactions": rows("a", 0)}, "empty.jsonl")
    assert (new, none) == ({"interactions": 0}, {"interactions": 0})
    assert first == again == nothing
    assert hashes(workspace) == before
    assert git.git(workspace.root, "status", "--porcelain") == ""


def test_the_user_s_own_changes_stay_out_of_a_landing_s_commit(workspace: Workspace, rows: Rows) -> None:
    (workspace.root / "notes.md").write_text("mine\n")
    git.git(workspace.root, "add", "notes.md")
    version, _ = land(workspace, {"interactions": rows("a", 2)}, "a.jsonl")
    assert git.git(workspace.root, "show", "--format=", "--name-only", version.commit) == "data.dvc"
    assert git.git(workspace.root, "status", "--porcelain") == "A  notes.md"


def test_an_earlier_version_comes_back_byte_for_byte_and_so_does_the_latest(
    workspace: Workspace, rows: Rows, shell: Callable, hashes: Callable
) -> None:
    first, _ = land(workspace, {"interactions": rows("a", 5)}, "a.jsonl")
    then = hashes(workspace)
    second, _ = land(workspace, {"interactions": rows("b", 3)}, "b.jsonl")
    now = hashes(workspace)
    assert now.items() > then.items()

    shell(workspace.root, f"git checkout -q {first.commit} -- data.dvc && dvc checkout -q")
    assert hashes(workspace) == then
    assert pinning.pinned_hash(workspace) == first.hash
    assert len(spoken(workspace, second)) == 8

    # With data.dvc back at the latest and data/ left behind, a landing would drop what is in between.
    shell(workspace.root, "git checkout -q HEAD -- data.dvc")
    with pytest.raises(BadInput, match="dvc checkout"):
        land(workspace, {"interactions": rows("c", 1)}, "c.jsonl")
    shell(workspace.root, "dvc checkout -q")
    assert hashes(workspace) == now
    land(workspace, {"interactions": rows("c", 1)}, "c.jsonl")
    assert len(spoken(workspace)) == 9


@pytest.mark.parametrize("lost", ["data", "data/000001-*/interactions.parquet"])
def test_a_landing_does_not_forget_what_somebody_deleted(
    workspace: Workspace, rows: Rows, shell: Callable, lost: str
) -> None:
    before, _ = land(workspace, {"interactions": rows("a", 5)}, "a.jsonl")
    shell(workspace.root, f"rm -rf {lost}")
    with pytest.raises(BadInput, match="lacks 000001-"):
        land(workspace, {"interactions": rows("b", 1)}, "b.jsonl")
    assert versions.current(workspace) == before
    with pinning.opened(workspace.root) as repo:
        repo.checkout(force=True)
    land(workspace, {"interactions": rows("b", 1)}, "b.jsonl")
    assert len(spoken(workspace)) == 6


def test_a_clone_pulls_any_version_from_the_remote_that_every_landing_went_to(
    workspace: Workspace, rows: Rows, shell: Callable, tmp_path: Path
) -> None:
    remote(workspace, tmp_path / "store")
    shell(workspace.root, "git commit -qam Remote")
    first, _ = land(workspace, {"interactions": rows("a", 5)}, "a.jsonl")
    second, _ = land(workspace, {"interactions": rows("b", 3)}, "b.jsonl")

    shell(tmp_path, "git clone -q work clone")
    clone = find(tmp_path / "clone")
    with pytest.raises(BadInput, match="Run `dvc pull`"):
        spoken(clone)
    with pytest.raises(BadInput, match="Run `dvc pull`"):
        land(clone, {"interactions": rows("c", 1)}, "c.jsonl")
    assert pinning.pinned_hash(clone) == second.hash

    shell(clone.root, "dvc pull -q")
    assert read(clone, second, "interactions").equals(read(workspace, second, "interactions"))
    third, new = land(clone, {"interactions": rows("b", 4)}, "b.jsonl")
    assert (new, len(spoken(clone, third))) == ({"interactions": 1}, 9)

    shell(clone.root, f"git checkout -q {first.commit}")
    with pinning.opened(clone.root) as repo:
        repo.pull()
    assert read(clone, first, "interactions").equals(rows("a", 5))


def test_a_bucket_that_does_not_answer_is_said_in_a_sentence(
    workspace: Workspace, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    remote(workspace, "s3://dvc/team")
    with pytest.raises(BadInput, match=r"the DVC remote did not take it.*http://127\.0\.0\.1:9"):
        land(workspace, {"interactions": rows("a", 5)}, "a.jsonl")
    assert len(spoken(workspace)) == 5


def test_a_dead_remote_is_said_and_costs_nothing(
    workspace: Workspace, rows: Rows, shell: Callable, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("where a folder should be")
    remote(workspace, tmp_path / "file" / "store")
    with pytest.raises(BadInput, match="dvc push") as caught:
        land(workspace, {"interactions": rows("a", 5)}, "a.jsonl")
    assert caught.value.where == "store"
    assert "\n" not in str(caught.value)
    assert len(spoken(workspace)) == 5
    assert unpinned(workspace) == {}
    assert pinning.history(workspace)[0][2] == "Land 5 interactions from a.jsonl"

    remote(workspace, tmp_path / "store")
    _, new = land(workspace, {"interactions": rows("a", 5)}, "a.jsonl")
    assert new == {"interactions": 0}
    shell(tmp_path, "git -C work commit -qam Remote && git clone -q work early && cd early && dvc pull -q")
    assert spoken(find(tmp_path / "early")) == rows("a", 5)["id"].to_list()
    land(workspace, {"interactions": rows("b", 3)}, "b.jsonl")
    shell(tmp_path, "git clone -q work clone && cd clone && dvc pull -q")
    assert spoken(find(tmp_path / "clone")) == [*rows("a", 5)["id"], *rows("b", 3)["id"]]


LAND = """
import sys, time
from pathlib import Path
import dvc.repo, polars as pl
from components.records.errors import BadInput
from components.records.schemas import Feedback, Interaction, as_records
from components.workspace import find
from components.workspace.versions import land
root, name, first, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
workspace = find(root)
print("ready", flush=True)
sys.stdin.readline()
batch = first
while batch < last:
    asked = [[{"role": "user", "content": f"{name} {batch} {number}?"}] for number in range(20)]
    told = [[{"role": "assistant", "content": "Yes."}]] * 20
    said = as_records(pl.DataFrame({"prompt": asked, "response": told}).with_columns(source=pl.lit(name)), Interaction)
    liked = as_records(said.select("source", interaction="id", kind=pl.lit("thumb"), score=1.0), Feedback)
    try:
        land(workspace, {"interactions": said, "feedback": liked}, name)
    except BadInput as error:
        assert "already landing" in str(error), error
        time.sleep(0.02)
        continue
    print(f"landed {batch}", flush=True)
    batch += 1
"""


def acknowledged(told: str) -> list[int]:
    return [int(line.split()[1]) for line in told.splitlines() if line.startswith("landed")]


def test_a_killed_landing_leaves_whole_batches_and_the_next_one_goes_on(
    workspace: Workspace, rows: Rows, script: Callable
) -> None:
    draw = random.Random(0)
    landed: set[int] = set()
    for _ in range(3):
        with script(LAND, workspace.root, "killed", max(landed, default=0), 1000) as process:
            process.stdin.write("go\n")
            process.stdin.flush()
            time.sleep(draw.uniform(0.1, 0.9))
            process.kill()
            landed |= set(acknowledged(process.stdout.read()))
        for batch in workspace.data.iterdir():
            assert sorted(file.name for file in batch.iterdir()) == ["feedback.parquet", "interactions.parquet"]
            assert all(pl.read_parquet(file).height == 20 for file in batch.iterdir())

    settled = time.monotonic() + 5
    while (workspace.root / ".git" / "index.lock").exists() and time.monotonic() < settled:
        time.sleep(0.01)  # a git that outlives its parent finishes what it does
    version, _ = land(workspace, {"interactions": rows("after", 1)}, "after.jsonl")
    found = read(workspace, version, "interactions")
    assert found["id"].is_unique().all()
    batches = set(
        found.filter(source="killed")["prompt"]
        .list.first()
        .struct.field("content")
        .str.split(" ")
        .list.get(1)
        .cast(int)
    )
    assert batches >= landed
    assert len(batches) <= len(landed) + 3  # a batch that was whole when its process was killed is kept
    assert found.height == 20 * len(batches) + 1
    assert read(workspace, version, "feedback").height == 20 * len(batches)
    assert unpinned(workspace) == {}
    assert git.git(workspace.root, "status", "--porcelain") == ""
    assert not list(workspace.state.glob("batch-*"))


@pytest.mark.parametrize("emptied", ["data.dvc", ".dvc/tmp/rwlock"])
def test_files_that_dvc_was_writing_when_it_was_killed_do_not_stop_the_next_landing(
    workspace: Workspace, rows: Rows, emptied: str
) -> None:
    before, _ = land(workspace, {"interactions": rows("a", 5)}, "a.jsonl")
    (workspace.root / emptied).write_text("")
    shutil.copytree(next(workspace.data.iterdir()), workspace.state / "batch-left")
    assert versions.current(workspace) == before
    after, _ = land(workspace, {"interactions": rows("b", 1)}, "b.jsonl")
    assert len(spoken(workspace, after)) == 6
    assert unpinned(workspace) == {}
    assert git.git(workspace.root, "status", "--porcelain") == ""
    assert not (workspace.state / "batch-left").exists()


def test_a_batch_whose_landing_was_killed_before_it_was_pinned_is_pinned_by_the_next(
    workspace: Workspace, rows: Rows
) -> None:
    land(workspace, {"interactions": rows("a", 5)}, "a.jsonl")
    batch = workspace.data / "000002-left"
    batch.mkdir()
    rows("b", 3).write_parquet(batch / "interactions.parquet")
    version, new = land(workspace, {"interactions": rows("b", 4)}, "b.jsonl")
    assert new == {"interactions": 1}
    assert spoken(workspace, version) == [*rows("a", 5)["id"], *rows("b", 4)["id"]]
    assert pinning.history(workspace)[1][2] == "Pin the batch an interrupted landing left"


def test_of_two_processes_that_land_at_once_neither_loses_anything(workspace: Workspace, script: Callable) -> None:
    with script(LAND, workspace.root, "ada", 0, 2) as ada, script(LAND, workspace.root, "bob", 0, 2) as bob:
        for process in (ada, bob):
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in (ada, bob):
            told, complaints = process.communicate(timeout=60)
            assert acknowledged(told) == [0, 1], complaints
    found = read(workspace, pinning.pinned_hash(workspace), "interactions")
    assert found["id"].n_unique() == found.height == 2 * 2 * 20
    assert len(list(workspace.data.iterdir())) == 4
    assert unpinned(workspace) == {}


def test_a_sample_is_placed_only_where_nothing_else_is_and_can_be_built_on(
    workspace: Workspace, rows: Rows, tmp_path: Path, shell: Callable, hashes: Callable
) -> None:
    sample = {"interactions": rows("a", 5)}
    land(workspace, sample, "a.jsonl")
    shell(tmp_path, "git clone -q work clone")
    clone = find(tmp_path / "clone")
    for _ in range(2):
        versions.place_sample(clone, sample)
        assert hashes(clone) == hashes(workspace)
        assert unpinned(clone) == {}
        assert git.git(clone.root, "status", "--porcelain") == ""
    land(clone, {"interactions": rows("b", 1)}, "b.jsonl")
    assert len(spoken(clone)) == 6
    with pytest.raises(BadInput, match="more than the sample"):
        versions.place_sample(clone, sample)
    assert len(spoken(clone)) == 6
