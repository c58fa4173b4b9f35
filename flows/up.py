"""Up: brings everything up that runs here, keeps it up, and stops it in order. Everything else finds it by a note."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import psutil

from components import journal
from components.progress import console
from components.records.errors import BadInput
from components.services import note, supervisor
from components.services.note import Note
from components.services.supervisor import Supervisor
from components.workspace import Workspace, room
from components.workspace.damage import damage
from flows import services

ROOM = 500 * 2**20
"""Free bytes without which nothing is started: databases that run out of them are hard to mend."""

PATIENCE = 60.0
"""Seconds in which what is up has to stop."""


def up(
    workspace: Workspace,
    chosen: Sequence[str],
    overrides: Sequence[str],
    ready: Callable[[Mapping[str, str]], None],
) -> None:
    """Keep services up until this process is told to stop.

    Args:
        workspace: whose.
        chosen: which of `services.NAMES`.
        overrides: settings of the command line.
        ready: is told the addresses, by name, once all answer.

    Raises:
        BadInput: it is up already, a port is taken, there is no room, a database is damaged, or one does not start.
    """
    _refuse_what_cannot_work(workspace)
    with _known(workspace, whole=set(chosen) == set(services.NAMES)) as noted, _stopping() as stopping:
        where = services.place(workspace, chosen)
        if services.MLFLOW in where.ports:
            from components.tracking import make_store

            make_store(workspace)
        listed = services.services(workspace, where, chosen, overrides)
        addresses = {service.name: service.address for wave in listed for service in wave if service.address}
        told = note.mine(addresses, where.prefect, services.PREFECT in where.ports)
        kept = Supervisor(workspace.state / "logs", _tell, lambda pids: noted(told.with_services(pids)))
        try:
            for wave in listed:
                kept.bring_up(wave, stopping)
            if not stopping():
                ready(addresses)
            kept.keep_up(stopping)
        finally:
            kept.stop()


def down(workspace: Workspace) -> bool:
    """Stop what is up in a workspace, and what a killed `heed up` or worker left; False where nothing was.

    Raises:
        BadInput: it does not stop.
    """
    found = note.read(workspace.state)
    if found:
        _stop(found, workspace)
    left = [*(process.pid for process in note.left_behind(workspace.state)), *_at_work(workspace)]
    supervisor.end(left)
    note.clear(workspace.state)
    return bool(found or left)


def _stop(found: Note, workspace: Workspace) -> None:
    os.kill(found.supervisor.pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while found.supervisor.lives:
        if time.monotonic() > deadline:
            raise BadInput(f"process {found.supervisor.pid} does not stop", workspace.root, "Run `heed down` again.")
        time.sleep(0.1)


def _at_work(workspace: Workspace) -> list[int]:
    """Runs of flows that outlived the worker which started them."""
    ours = {"HEED_WORKSPACE": str(workspace.root)}.items()
    return [
        process.pid
        for process in psutil.process_iter()
        if "PREFECT__FLOW_RUN_ID" in (told := _environment(process)) and ours <= told.items()
    ]


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}  # somebody else's, or gone


def _refuse_what_cannot_work(workspace: Workspace) -> None:
    if running := note.read(workspace.state):
        told = ", ".join(f"{name} at {address}" for name, address in running.addresses.items())
        raise BadInput(f"heed is up here already: {told}", workspace.root, "`heed down` stops it.")
    room.require(workspace.root, ROOM)
    for file in (workspace.prefect_home / "prefect.db", workspace.state / "mlflow.db", workspace.state / "capture.db"):
        if file.exists() and (said := damage(file)):
            fix = "Take it back from a backup, or move it away to begin with an empty one."
            raise BadInput(f"this database is damaged: {said}", file, fix)


@contextmanager
def _known(workspace: Workspace, whole: bool) -> Iterator[Callable[[Note], None]]:
    """What other commands on this machine know of what is up; nothing of a part, which may be one container of many."""
    if not whole:
        yield lambda _: None
        return
    with workspace.lock("up", "starting"):
        supervisor.end([process.pid for process in note.left_behind(workspace.state)])
        try:
            yield lambda told: note.write(workspace.state, told)
        finally:
            note.clear(workspace.state)


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Whether this process has been told to stop."""
    told: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda found, _: told.append(found)) for number in numbers}
    try:
        yield lambda: bool(told)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(sentence: str) -> None:
    journal.trouble("up", "look after", told=sentence)
    console.print(sentence, markup=False)
