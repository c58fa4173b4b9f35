"""Files that are whole or not there: written aside, synced, renamed into place."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def place(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside the target, then put it in the target's place in one step.

    Args:
        target: where the file shall stand; what stands there is replaced whole.
        write: gets the path to write to.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(descriptor)
    aside = Path(name)
    try:
        write(aside)
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.chmod(0o644)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def place_text(target: Path, text: str) -> None:
    """`place` for a text."""
    place(target, lambda aside: aside.write_text(text, encoding="utf-8"))
