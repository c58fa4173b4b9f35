"""Signals: what the user turns of a file say, and a detector taught by turns that people have rated."""

import sys
from collections.abc import Sequence
from pathlib import Path

from components.feedback.signals.scoring import score as score_turns
from components.workspace import Workspace


def score(workspace: Workspace, file: Path, format: str | None, detectors: Sequence[str] | None) -> None:
    """Write one JSON line a user turn to stdout, in the order of the file."""
    for piece in score_turns(workspace, file, format, detectors or ()):
        sys.stdout.buffer.write(piece.write_ndjson().encode())
    sys.stdout.buffer.flush()
