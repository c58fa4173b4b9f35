"""A run that is handed over is seen from outside as if the program that handed it over were the run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

RUN = """
import os, signal, sys, time
print(os.getpid(), os.getcwd(), os.environ.get("OWN_NAME"), flush=True)
print("a complaint", file=sys.stderr, flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
if os.environ.get("OWN_TASK") == "last":
    time.sleep(60)
if os.environ.get("OWN_TASK") == "fail":
    raise ValueError("as runs do")
sys.exit(3)
"""
WAIT = "import sys; from pathlib import Path; from components.services.standby import Standby; "
WAIT += "Standby(Path(sys.argv[1]), 'OWN_').become('a_run', lambda: None)"
HAND_OVER = "import sys; from pathlib import Path; from components.services.standby import hand_over; "
HAND_OVER += "hand_over(Path(sys.argv[1]), 'a_run')"
KEEP = "import sys; from pathlib import Path; from components.services.standby import keep; "
KEEP += "programs = [[sys.executable, '-c', program, sys.argv[1]] for program in sys.argv[2:]]; "
KEEP += "sys.exit(keep(*programs, Path(sys.argv[1])))"

LISTENING = "00010000"
"""As Linux says it of a socket, in /proc/net/unix."""

Starts = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "a_run.py").write_text(RUN)
    folder = tmp_path / ("deep" * 30)  # a socket's whole path may not be that long
    folder.mkdir()
    return folder / "runs.socket"


@pytest.fixture
def start(place: Path, tmp_path: Path) -> Iterator[Starts]:
    begun: list[subprocess.Popen[str]] = []

    def started(program: str, *arguments: str, folder: Path = tmp_path, **environment: str) -> "subprocess.Popen[str]":
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        own |= {"PYTHONPATH": str(tmp_path)} | environment
        command = [sys.executable, "-c", program, str(place), *arguments]
        pipe = subprocess.PIPE
        begun.append(subprocess.Popen(command, env=own, text=True, stdout=pipe, stderr=pipe, cwd=folder))
        return begun[-1]

    yield started
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def standby(place: Path, start: Starts) -> "subprocess.Popen[str]":
    waiting = start(WAIT)
    until(lambda: listens(place))
    return waiting


def listens(place: Path) -> bool:
    """Whether somebody would answer at a socket; its name alone is there a moment earlier."""
    known = (line.split() for line in Path("/proc/net/unix").read_text().splitlines())
    return any(one[-1] == place.name and one[3] == LISTENING for one in known)


def until(so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_is_the_process_that_waited_with_what_the_program_was_given(
    standby: "subprocess.Popen[str]", start: Starts, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    run = start(HAND_OVER, folder=folder, OWN_NAME="first")
    assert run.communicate() == (f"{standby.pid} {folder} first\n", "a complaint\n")
    assert (run.returncode, standby.wait()) == (3, 3)


def test_a_run_that_fails_says_so_as_any_program_does(standby: "subprocess.Popen[str]", start: Starts) -> None:
    run = start(HAND_OVER, OWN_TASK="fail")
    out, said = run.communicate()
    assert out.split()[0] == str(standby.pid)
    assert "ValueError: as runs do" in said
    assert (run.returncode, standby.wait()) == (1, 1)


def test_without_one_that_waits_the_program_is_the_run(start: Starts) -> None:
    run = start(HAND_OVER, OWN_NAME="alone")
    out, _ = run.communicate()
    assert out.split()[0::2] == [str(run.pid), "alone"]
    assert run.returncode == 3


def test_a_run_that_libraries_may_have_to_read_otherwise_is_not_taken(
    standby: "subprocess.Popen[str]", start: Starts
) -> None:
    other = start(HAND_OVER, OMP_NUM_THREADS="17")
    assert other.communicate()[0].split()[0] == str(other.pid)
    assert standby.poll() is None
    assert start(HAND_OVER).communicate()[0].split()[0] == str(standby.pid)


@pytest.mark.parametrize(("killed", "left"), [("run", "program"), ("program", "run")])
def test_where_one_is_killed_so_is_the_other(
    standby: "subprocess.Popen[str]", start: Starts, killed: str, left: str
) -> None:
    both = {"run": standby, "program": start(HAND_OVER, OWN_TASK="last")}
    assert both["program"].stdout
    both["program"].stdout.readline()
    both[killed].kill()
    assert both[left].wait(30) == -signal.SIGKILL


def test_a_run_hears_that_it_is_to_stop_and_what_it_says_to_that_is_passed_on(
    standby: "subprocess.Popen[str]", start: Starts
) -> None:
    run = start(HAND_OVER, OWN_TASK="last")
    assert run.stdout
    run.stdout.readline()
    time.sleep(0.2)  # the run sets its handler after it has printed
    run.terminate()
    assert (run.wait(30), standby.wait(30)) == (7, 7)


def test_beside_a_worker_another_waits_as_soon_as_one_has_become_a_run(place: Path, start: Starts) -> None:
    worker = start(KEEP, "import time; time.sleep(13); raise SystemExit(5)", WAIT)
    ran = []
    for _ in range(2):
        until(lambda: listens(place))
        ran.append(int(start(HAND_OVER).communicate()[0].split()[0]))
    assert len(set(ran)) == 2
    assert worker.wait(30) == 5
    assert not any(psutil.pid_exists(pid) for pid in ran)
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(place) in (one.info["cmdline"] or [])]
