"""Processes that are kept up: started again when they end, given up when they never start, gone when all is stopped."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from components.records.errors import BadInput
from components.services import note
from components.services.supervisor import Service, Supervisor

TOUCH_AND_STAY = """
import pathlib, subprocess, sys, time
with open({file!r}, "a") as told:
    told.write("x")
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path({file!r} + ".child").write_text(str(child.pid))
time.sleep(600)
"""


class Kept:
    """A supervisor, and what it said."""

    def __init__(self, logs: Path) -> None:
        self.said: list[str] = []
        self.pids: dict[str, int] = {}
        self.supervisor = Supervisor(logs, self.said.append, self._noted)

    def _noted(self, pids: Mapping[str, int]) -> None:
        self.pids = dict(pids)

    def until(self, true: Callable[[], bool], seconds: float = 20) -> None:
        """Keep all up until something is true."""
        deadline = time.monotonic() + seconds
        self.supervisor.keep_up(lambda: true() or time.monotonic() > deadline)
        assert true()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "logs")
    yield made
    made.supervisor.stop()


def staying(file: Path) -> Service:
    command = [sys.executable, "-c", TOUCH_AND_STAY.format(file=str(file))]
    return Service("a service", command, os.environ, lambda: Path(f"{file}.child").exists())


def test_what_is_killed_is_started_again_and_its_children_go(kept: Kept, tmp_path: Path) -> None:
    file = tmp_path / "starts"
    kept.supervisor.bring_up([staying(file)], lambda: False)
    first, child = kept.pids["a service"], int(Path(f"{file}.child").read_text())
    os.kill(first, signal.SIGKILL)
    kept.until(lambda: file.read_text() == "xx")
    assert kept.pids["a service"] != first
    assert not _lives(child)
    assert len(kept.said) == 1
    assert "killed by SIGKILL" in kept.said[0]


def test_when_all_is_stopped_no_process_is_left(kept: Kept, tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    for file in files:
        kept.supervisor.bring_up([staying(file)], lambda: False)
    started = [int(Path(f"{file}.child").read_text()) for file in files] + list(kept.pids.values())
    kept.supervisor.stop()
    assert not [pid for pid in started if _lives(pid)]
    assert kept.pids == {}


def test_what_never_starts_is_given_up_with_its_last_words(kept: Kept) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('the database is half made')"]
    with pytest.raises(BadInput, match=r"a service does not start .exit code 1.*the database is half made"):
        kept.supervisor.bring_up([Service("a service", command, os.environ, lambda: False)], lambda: False)


def test_a_log_does_not_grow_for_ever(kept: Kept, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a-service.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * (11 * 2**20))
    kept.supervisor.bring_up([staying(tmp_path / "starts")], lambda: False)
    assert log.stat().st_size < 1000
    assert log.with_suffix(".log.1").stat().st_size == 11 * 2**20


def test_a_log_does_not_grow_for_ever_while_its_service_goes_on_either(kept: Kept, tmp_path: Path) -> None:
    file, log = tmp_path / "starts", tmp_path / "logs" / "a-service.log"
    talking = f"import sys; print('y' * {11 * 2**20}, flush=True); print('and more', flush=True)\n"
    command = [sys.executable, "-c", talking + TOUCH_AND_STAY.format(file=str(file))]
    kept.supervisor.bring_up(
        [Service("a service", command, os.environ, lambda: Path(f"{file}.child").exists())], lambda: False
    )
    kept.until(lambda: log.stat().st_size < 1000)
    assert log.with_suffix(".log.1").read_text().endswith("yy\nand more\n")
    with log.open("a") as same:
        same.write("later")
    assert log.read_text() == "later"


def test_a_note_holds_only_while_its_writer_lives(tmp_path: Path) -> None:
    ours = note.mine({"prefect": "http://127.0.0.1:1"}, "http://127.0.0.1:1/api", own=True)
    note.write(tmp_path, ours.with_services({"capture": os.getpid(), "gone": 2**22 - 1}))
    found = note.read(tmp_path)
    assert found
    assert list(found.services) == ["capture"]
    assert note.left_behind(tmp_path) == []
    # The same process id, given to another process later.
    dead = ours.supervisor.model_copy(update={"began": ours.supervisor.began - 60})
    note.write(tmp_path, found.model_copy(update={"supervisor": dead}))
    assert note.read(tmp_path) is None
    assert [one.pid for one in note.left_behind(tmp_path)] == [os.getpid()]
    (tmp_path / "up.json").write_text('{"supervisor": {"pid"')
    assert note.read(tmp_path) is None


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
