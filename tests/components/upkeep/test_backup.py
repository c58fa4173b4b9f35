"""A backup brings everything back, in another place, with nothing left of the first; or it says why it cannot."""

import io
import os
import shutil
import sqlite3
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from components.feedback.capture import collected
from components.feedback.capture.store import Event, Store
from components.records.errors import BadInput
from components.registry import decisions, models, promotion
from components.registry.standing import standing
from components.upkeep.archive import unpack
from components.upkeep.backup import back_up
from components.upkeep.restoring import restore
from components.workspace import Workspace, find, git, pinning, versions


def heard(number: int) -> Event:
    return Event(f"e{number}", "interaction", None, None, f'{{"n": {number}}}'.encode())


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


def test_what_was_backed_up_goes_on_elsewhere_without_the_old_folder(
    workspace: Workspace, tmp_path: Path, land: Callable, register: Callable, measure: Callable
) -> None:
    first, second = land(workspace, "first"), land(workspace, "second")
    made = [register(workspace, models.POLICY, step, second) for step in ("step-1", "step-2")]
    reward = register(workspace, models.REWARD, "step-3", second)
    promotion.promote(workspace, made[0], "the first")
    measure(workspace, made[1], made[0], reward, "inputs-1")
    promotion.promote(workspace, made[1], "better")
    with closing(Store(workspace.capture_store)) as store:
        store.append([heard(number) for number in range(20)])
        key = store.add_key("app", ["write"])
        collected.remember(workspace, store.after(16, 1)[0])
    (workspace.state / "capture.secret").write_text("the key of the hashes\n")
    (workspace.quarantine).mkdir()
    (workspace.quarantine / "held.jsonl").write_text('{"row": "odd"}\n')
    (workspace.root / "base").mkdir()
    (workspace.root / "base" / "model.safetensors").write_bytes(b"weights")
    before = {
        "records": [versions.read(workspace, version) for version in (first, second)],
        "history": git.git(workspace.root, "log", "--format=%H %s"),
        "champion": contents(models.folder_of(workspace, made[1])),
        "standing": standing(workspace, {}, ()),
    }

    told = back_up(workspace, tmp_path / "work.tar.zst")
    done = restore(told.file, tmp_path / "elsewhere" / "other")
    shutil.rmtree(workspace.root)

    here = find(tmp_path / "elsewhere" / "other")
    assert (done.root, done.came_from, done.dataset) == (here.root, workspace.root, second.hash)
    assert (told.versions, told.elsewhere) == (3, ())  # with the empty one
    assert versions.current(here) == second
    for version, records in zip((first, second), before["records"], strict=True):
        assert versions.read(here, version).equals(records)
    assert git.git(here.root, "log", "--format=%H %s") == before["history"]
    assert git.git(here.root, "status", "--porcelain") == "?? base/\n?? quarantine/"
    assert (here.root / "base" / "model.safetensors").read_bytes() == b"weights"
    assert (here.quarantine / "held.jsonl").read_text() == '{"row": "odd"}\n'
    assert (here.state / "capture.secret").read_text() == "the key of the hashes\n"
    assert standing(here, {}, ()) == before["standing"]
    champion = models.at_alias(here, models.POLICY, models.CHAMPION)
    assert champion == made[1]
    assert contents(models.folder_of(here, champion)) == before["champion"] != {}
    assert decisions.decided(here, "inputs-1") == champion
    assert promotion.rollback(here, "to see")[1] == made[0]
    assert '"step-1"' in (models.folder_of(here, made[0]) / "model.json").read_text()
    with closing(Store(here.capture_store)) as store:
        assert [kept.body for kept in store.after(0, 100)] == [heard(number).body for number in range(20)]
        assert store.key(key)
        assert collected.position(here, store) == 17
    assert not any(str(workspace.root) in str(row) for row in everything(here.state / "mlflow.db"))
    assert str(workspace.root) not in next((here.state / "artifacts").rglob("MLmodel")).read_text()

    third = land(here, "third")
    assert third.preferences == 9
    assert versions.read(here, third)["source"].to_list() == ["first"] * 3 + ["second"] * 3 + ["third"] * 3
    later = register(here, models.POLICY, "step-4", third)
    assert later.version == 3
    assert '"step-4"' in (models.folder_of(here, later) / "model.json").read_text()


def everything(database: Path) -> list[tuple]:
    with closing(sqlite3.connect(database)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return [row for (table,) in tables for row in connection.execute(f'SELECT * FROM "{table}"')]


def test_what_is_acknowledged_when_a_backup_begins_is_in_it_whole_though_writing_goes_on(
    workspace: Workspace, tmp_path: Path
) -> None:
    over = threading.Event()
    with closing(Store(workspace.capture_store)) as store:
        store.append([heard(number) for number in range(5000)])

        def write_on() -> None:
            number = 5000
            while not over.is_set():
                store.append([heard(number)])
                number += 1

        writing = threading.Thread(target=write_on)
        writing.start()
        try:
            made = back_up(workspace, tmp_path / "work.tar.gz")
        finally:
            over.set()
            writing.join()
        last = store.last()
    here = find(restore(made.file, tmp_path / "other").root)
    with closing(sqlite3.connect(here.state / "capture.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        count, newest = connection.execute("SELECT count(*), max(position) FROM heed_events").fetchone()
    assert 5000 <= count == newest <= last


KEPT = ("spool/1.sealed", "detector/head.npz", "looked.json", "artifacts/models/m-1/artifacts/.gitattributes")


def test_what_can_be_made_again_stays_out_and_nobody_else_can_read_the_rest(
    workspace: Workspace, tmp_path: Path, land: Callable
) -> None:
    land(workspace, "first")
    made_again = ("features/a.parquet", "runs/step/checkpoint-1/model", "threads/b", "up.json", "logs/capture.log")
    for name in (*made_again, *KEPT):
        file = workspace.state / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    made = back_up(workspace, tmp_path / "work.tar.zst")
    assert made.file.stat().st_mode & 0o777 == 0o600
    restore(made.file, tmp_path / "other")
    left = contents(tmp_path / "other" / ".heed").keys()
    assert set(KEPT) <= left
    assert not left & {*made_again, "data.lock"}


def test_data_and_dvc_s_cache_are_packed_once_and_come_back_as_they_were(
    workspace: Workspace, tmp_path: Path, land: Callable
) -> None:
    version = land(workspace, "first")
    (name, cached), *_ = pinning.files_of(workspace, version.hash).items()
    os.link(cached, tmp_path / "linked")
    (workspace.data / name).unlink()
    (tmp_path / "linked").rename(workspace.data / name)  # as DVC links where the disk can do no better
    made = back_up(workspace, tmp_path / "work.tar.zst")
    here = find(restore(made.file, tmp_path / "other").root)
    placed, kept = here.data / name, pinning.files_of(here, version.hash)[name]
    assert placed.samefile(kept)
    assert kept.stat().st_mode & 0o777 == cached.stat().st_mode & 0o777
    assert made.parts["dataset versions"] < 2 * cached.stat().st_size


@pytest.mark.parametrize("end", [".tar.zst", ".tar.gz"])
def test_a_damaged_backup_restores_nothing(workspace: Workspace, tmp_path: Path, end: str) -> None:
    whole = back_up(workspace, tmp_path / f"work{end}").file
    content = whole.read_bytes()
    for damaged in (content[: len(content) // 2], content[:2000] + b"\0" * 50 + content[2050:], b"no archive"):
        whole.write_bytes(damaged)
        with pytest.raises(BadInput, match=r"the backup cannot be used: .*nothing was restored"):
            restore(whole, tmp_path / "other")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["work", f"work{end}"]


def packed(target: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(target, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return target


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    told = tarfile.TarInfo(name)
    told.type, told.linkname, told.size = kind, link, 0 if link else 1
    return told


@pytest.mark.parametrize(
    "evil",
    [
        member("workspace/../../evil"),
        member("../evil"),
        member("/evil"),
        member("workspace/link", tarfile.SYMTYPE, "/etc"),
        member("workspace/link", tarfile.LNKTYPE, "workspace/../../secret"),
        member("workspace/device", tarfile.CHRTYPE),
    ],
)
def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path, evil: tarfile.TarInfo) -> None:
    (tmp_path / "secret").write_text("secret")
    source = packed(tmp_path / "evil.tar.gz", member("workspace/heed.toml"), evil)
    (tmp_path / "in").mkdir()
    with pytest.raises(BadInput, match="cannot be used"):
        unpack(source, tmp_path / "in" / "folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.tar.gz", "in", "secret"]
    assert [path.name for path in (tmp_path / "in" / "folder").iterdir()] == ["heed.toml"]


def test_a_file_that_was_changed_in_the_archive_is_named(tmp_path: Path, workspace: Workspace) -> None:
    made = back_up(workspace, tmp_path / "work.tar.gz")
    with tarfile.open(made.file) as old, tarfile.open(tmp_path / "changed.tar.gz", "w:gz") as new:
        for kept in old:
            content = old.extractfile(kept).read() if kept.isreg() else b""  # type: ignore[union-attr]
            if kept.name == "workspace/heed.toml":
                content = content.replace(b"8787", b"8788")
            new.addfile(kept, io.BytesIO(content))
    with pytest.raises(BadInput, match=r"heed\.toml is not what it was"):
        restore(tmp_path / "changed.tar.gz", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_nothing_is_overwritten(tmp_path: Path, workspace: Workspace) -> None:
    made = back_up(workspace, tmp_path / "work.tar.gz")
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine").write_text("mine")
    with pytest.raises(BadInput, match="there is something here already"):
        restore(made.file, taken)
    assert contents(taken) == {"mine": b"mine"}
    (taken / "mine").unlink()
    assert restore(made.file, taken).dataset == pinning.pinned_hash(workspace)


@pytest.mark.parametrize(
    ("name", "says"),
    [("work.zip", r"Let it end in \.tar\.zst or \.tar\.gz"), ("work/in.tar.gz", "Try "), ("no/a.tar.gz", "Make it")],
)
def test_a_target_that_will_not_do_is_said(tmp_path: Path, workspace: Workspace, name: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        back_up(workspace, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["work"]


def test_nothing_is_backed_up_while_something_lands(tmp_path: Path, workspace: Workspace) -> None:
    with (
        workspace.lock("data", "landing data"),
        pytest.raises(BadInput, match="another heed is already landing data here"),
    ):
        back_up(workspace, tmp_path / "work.tar.gz")


def test_what_is_kept_elsewhere_is_named_without_its_password(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "https://ada:hush@prefect.example.com/api")
    git.git(workspace.root, "config", "user.name", "Ada")
    (workspace.root / ".dvc" / "config.local").write_text(
        "[core]\n    remote = team\n['remote \"team\"']\n    url = s3://bucket/data\n    secret_access_key = hush\n"
    )
    (tmp_path / "qwen").mkdir()
    elsewhere = (
        "base.model=../qwen",
        "capture.store=postgresql://ada:hush@db.example.com/heed",
        "mlflow.tracking_uri=https://ada:hush@mlflow.example.com",
        "mlflow.artifacts=s3://models/heed",
    )
    made = back_up(find(workspace.root, elsewhere), tmp_path / "work.tar.gz")
    assert made.elsewhere == (
        "captured feedback is in postgresql://db.example.com/heed, which is backed up by itself",
        "models and runs are in https://mlflow.example.com, which is backed up by itself",
        "the artifacts of MLflow are at s3://models/heed, which is backed up by itself",
        "runs and schedules of Prefect are at https://prefect.example.com/api, which is backed up by itself",
        f"{tmp_path / 'qwen'}, which the settings name, is outside of the workspace",
        "the DVC remote team stays where it is, at s3://bucket/data",
    )
    here = restore(made.file, tmp_path / "other").root
    assert git.git(here, "config", "user.name") == "Ada"
    assert "hush" in (here / ".dvc" / "config.local").read_text()
