"""A Python process that has already imported what a run needs, waits for one, and becomes it.

Most of a short run is the import of its libraries. So beside a worker a process is kept that has that behind it:

    keep         starts the worker and, beside it, such a process; when that has become a run and has ended, another
    Standby      is what that process waits with
    hand_over    is what the worker starts for a run: it hands the run over, and ends as the run ends

What the worker knows of is the program that hands over. Its output, its signals and its exit code are those of the
run, and where either is killed, so is the other. Where no process waits, or one with another environment, or it takes
too long, the program begins the run itself, as if there had never been anybody to hand it to.

Both sides talk through a socket that only their user can open. The program sends the files to print to, then the
environment and the folder of the run; the process answers with its id once it is ready; `go` begins the run; at its end
the exit code comes back, and nothing where it was killed.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NoReturn

PATIENCE = 60.0
"""Seconds that a run waits for a process that still imports; without one it would import as long itself."""

PAUSE = 5.0
"""The least seconds between two starts, so that a worker comes up first; twice as many after each that was in vain."""

LONGEST_PAUSE = 300.0

LOOKS = 0.2
"""Seconds between two looks at the worker."""


def keep(worker: Sequence[str], standby: Sequence[str], place: Path) -> int:
    """Run a worker, and as long as it lives a process beside it that waits for a run.

    Args:
        worker: the program and its arguments.
        standby: the same of what waits.
        place: where its socket is; whoever has become a run has taken it away.

    Returns:
        The exit code of the worker.
    """
    with subprocess.Popen(worker) as working:
        waiting, begun, pause = None, time.monotonic(), PAUSE
        while working.poll() is None:
            if waiting and waiting.poll() is not None:
                waiting, pause = None, min(2 * pause, LONGEST_PAUSE) if place.exists() else PAUSE
            if waiting is None and time.monotonic() - begun > pause:
                waiting, begun = subprocess.Popen(standby), time.monotonic()
            time.sleep(LOOKS)
        if waiting:
            waiting.terminate()
            waiting.wait()
        return working.returncode


class Standby:
    """Waits for a run. Whoever wants to hand one over may come before this process has imported everything.

    Args:
        place: where the socket is put.
        own: how the names of variables begin that each run has its own of. A run in which others differ is not taken,
            because libraries may have read them when they were imported.

    Raises:
        OSError: no socket can be put there.
    """

    def __init__(self, place: Path, own: str) -> None:
        self._place, self._own = place, own
        self._environment = self._shared(os.environ)
        self._socket = socket.socket(socket.AF_UNIX)
        place.unlink(missing_ok=True)
        before = os.umask(0o077)
        try:
            with _beside(place) as name:
                self._socket.bind(name)
        finally:
            os.umask(before)
        self._socket.listen()

    def become(self, module: str, prepare: Callable[[], None]) -> NoReturn:
        """Wait until a run is handed over, and be it to its end.

        Args:
            module: is run as a program.
            prepare: is called before that, when the environment is that of the run.
        """
        connection = self._handed_over()
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        prepare()
        sys.argv = [module]
        code = 1
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            raise
        finally:
            # The other side waits on until this process is gone, and with it all that it still does at its end.
            connection.sendall(b"%d" % code)
        sys.exit()

    def _handed_over(self) -> socket.socket:
        while True:
            connection, _ = self._socket.accept()
            if self._taken(connection):
                self._place.unlink(missing_ok=True)
                self._socket.close()
                return connection
            connection.close()

    def _taken(self, connection: socket.socket) -> bool:
        """Become a run that is offered, but for the run itself; False where it is not for this process."""
        with suppress(OSError, ValueError):
            _, files, _, _ = socket.recv_fds(connection, 1, 2)
            with ExitStack() as stack:
                for file in files:
                    stack.callback(os.close, file)
                told = json.loads(connection.makefile().readline())
                if self._shared(told["environment"]) == self._environment:
                    connection.sendall(b"%d" % os.getpid())
                    if connection.recv(2) == b"go":
                        _be(told["environment"], told["folder"], files)
                        return True
        return False

    def _shared(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in environment.items() if not name.startswith(self._own)}


def hand_over(place: Path, module: str) -> NoReturn:
    """Let the process that waits be the run this program was started for, or be it oneself.

    Args:
        place: where its socket is.
        module: what the run is.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        if pid := _found(connection, place):
            sys.exit(_followed(connection, pid))
    os.execv(sys.executable, [sys.executable, "-m", module])


def _found(connection: socket.socket, place: Path) -> int | None:
    """The process that is ready to be the run; None where none is."""
    connection.settimeout(PATIENCE)
    with suppress(OSError, ValueError):
        with _beside(place) as name:
            connection.connect(name)
        told = {"environment": dict(os.environ), "folder": str(Path.cwd())}
        socket.send_fds(connection, [b"f"], [1, 2])
        connection.sendall(json.dumps(told).encode() + b"\n")
        return int(connection.recv(20))
    return None


def _followed(connection: socket.socket, pid: int) -> int:
    """Begin the run and pass signals on to it; its exit code once it has ended."""
    connection.settimeout(None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda told, _: _tell(pid, told))
    code = b""
    with suppress(OSError):
        connection.sendall(b"go")
        code = connection.recv(4)
        connection.recv(1)
    if not code:
        # Whoever started this program is to see what became of the run.
        os.kill(os.getpid(), signal.SIGKILL)
    return int(code)


def _tell(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _end_with(connection: socket.socket) -> None:
    """End this process at once when the other side is gone."""
    with suppress(OSError):
        connection.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


def _be(environment: Mapping[str, str], folder: str, files: Sequence[int]) -> None:
    """Print to other files, in another folder, with another environment."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for file, own in zip(files, (1, 2), strict=True):
        os.dup2(file, own)


@contextmanager
def _beside(place: Path) -> Iterator[str]:
    """The name of a socket in its own folder: its whole path may be longer than a socket's may be."""
    before = Path.cwd()
    os.chdir(place.parent)
    try:
        yield place.name
    finally:
        os.chdir(before)
