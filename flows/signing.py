"""Signs the flow runs of a process, so that it can be told later whether the process they belong to is gone.

The sign is the name of a lock that the process holds, which is let go however the process ends. A number of the process
would not do: another may have it by then.
"""

import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from components.workspace import Workspace

SIGN = "process "


LONG = 60.0
"""Seconds after which whoever made a file has long locked it."""


@contextmanager
def signed(workspace: Workspace) -> Iterator[None]:
    """The flow runs that begin inside the block bear the sign of this process as a tag."""
    from prefect import tags

    sign = f"{SIGN}{secrets.token_hex(6)}"
    file = _file(workspace, sign)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(file), tags(sign):
            yield
    finally:
        file.unlink(missing_ok=True)


def gone(workspace: Workspace, tags: Iterable[str]) -> dict[str, bool]:
    """Whether the process of each sign among the tags is gone; what such processes left is cleared away."""
    found = {tag: _is_gone(_file(workspace, tag)) for tag in set(tags) if tag.startswith(SIGN)}
    for file in _file(workspace, SIGN).parent.glob("*.lock"):
        with suppress(OSError):  # taken away by its process meanwhile
            if time.time() - file.stat().st_mtime > LONG:
                _is_gone(file)
    return found


def _is_gone(file: Path) -> bool:
    if not file.exists():
        return True
    try:
        with FileLock(file, timeout=0):
            file.unlink(missing_ok=True)
            return True
    except Timeout:
        return False


def _file(workspace: Workspace, sign: str) -> Path:
    return workspace.state / "processes" / f"{sign.removeprefix(SIGN)}.lock"
