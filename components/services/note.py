"""What is up on this machine, for whoever asks: a file that only holds while the process that wrote it lives.

A process that was killed leaves the note and those it kept up behind: `left_behind` names them. A process id alone
names nobody, because ids are given again: the time at which the process began goes with it, and after which start of
the machine that was, because machines that start by themselves do so the same way each time.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from components.workspace.files import place_text


class Process(BaseModel):
    """A process on this machine: its id, and when it began.

    Attributes:
        pid: its id.
        began: seconds since the machine was started, which stay true when its clock is set.
        boot: which start of the machine that was; empty where the system does not tell.
    """

    pid: int
    began: float
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process of an id; None where there is none any more, or it has ended and nobody has asked how."""
        try:
            found = psutil.Process(pid)
            return (
                None
                if found.status() == psutil.STATUS_ZOMBIE
                else cls(pid=pid, began=found.create_time() - psutil.boot_time(), boot=_boot())
            )
        except psutil.NoSuchProcess:
            return None

    @property
    def lives(self) -> bool:
        """Whether it is still there."""
        found = Process.of(self.pid)
        return found is not None and found.boot == self.boot and abs(found.began - self.began) < 1


def _boot() -> str:
    told = Path("/proc/sys/kernel/random/boot_id")
    return told.read_text().strip() if told.exists() else ""


class Note(BaseModel):
    """What is up.

    Attributes:
        supervisor: who keeps it up.
        services: name to the process.
        addresses: name to where people find it.
        prefect: address of the Prefect API.
        own: whether that is this workspace's own, and not one that a team shares.
    """

    supervisor: Process
    services: dict[str, Process] = {}
    addresses: dict[str, str] = {}
    prefect: str
    own: bool

    def with_services(self, pids: Mapping[str, int]) -> "Note":
        """The same with other processes."""
        found = {name: Process.of(pid) for name, pid in pids.items()}
        return self.model_copy(update={"services": {name: process for name, process in found.items() if process}})


def mine(addresses: Mapping[str, str], prefect: str, own: bool) -> Note:
    """The note of this process, which keeps nothing up yet."""
    this = Process.of(os.getpid())
    assert this
    return Note(supervisor=this, addresses=dict(addresses), prefect=prefect, own=own)


def write(state: Path, note: Note) -> None:
    """Leave a note, in the place of any other."""
    place_text(_file(state), note.model_dump_json())


def read(state: Path) -> Note | None:
    """What is up here; None where nothing is."""
    note = _noted(state)
    return note if note and note.supervisor.lives else None


def left_behind(state: Path) -> list[Process]:
    """Processes whose supervisor was killed."""
    note = _noted(state)
    return [] if not note or note.supervisor.lives else [one for one in note.services.values() if one.lives]


def clear(state: Path) -> None:
    """Take the note away."""
    _file(state).unlink(missing_ok=True)


def _noted(state: Path) -> Note | None:
    try:
        return Note.model_validate(json.loads(_file(state).read_text()))
    except (FileNotFoundError, ValidationError, ValueError):
        return None


def _file(state: Path) -> Path:
    return state / "up.json"
