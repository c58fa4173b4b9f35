"""Whether a disk has room, and whether its being full is what stopped something. Knows nothing of what needs it."""

import errno
import shutil
from pathlib import Path

from components.records.errors import BadInput

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NEXT_TO_NOTHING = 2**20
"""Bytes."""

SAYINGS = ("no space left on device", "disk is full", "disk quota exceeded", "file too large")
"""What libraries make of those: Arrow's, SQLite's and DVC's errors have no number any more."""


def require(folder: Path, least: int) -> None:
    """Refuse to begin what would run out of room.

    Args:
        folder: where room is needed; it need not be there yet.
        least: bytes.

    Raises:
        BadInput: there is less.
    """
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free < least:
        raise BadInput(
            f"only {free / 2**20:.0f} MB are free on this disk", there, f"Make room: {least / 2**20:.0f} MB."
        )


def is_full(folder: Path) -> bool:
    """Whether next to nothing is free."""
    return shutil.disk_usage(folder).free < NEXT_TO_NOTHING


def ran_out(error: BaseException | None) -> bool:
    """Whether an error is, or comes from, a disk that is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if any(saying in str(error).lower() for saying in SAYINGS):
            return True
        error = error.__cause__ or error.__context__
    return False
