"""Signals: what the user turns of a file say, and a detector taught by turns that people have rated."""

import sys
from collections.abc import Sequence
from pathlib import Path

from components.feedback.readers import read
from components.feedback.signals.learned import Trained
from components.feedback.signals.scoring import score as score_turns
from components.workspace import Workspace


def score(workspace: Workspace, file: Path, format: str | None, detectors: Sequence[str] | None) -> None:
    """Write one JSON line a user turn to stdout, in the order of the file."""
    for piece in score_turns(workspace, file, format, detectors or ()):
        sys.stdout.buffer.write(piece.write_ndjson().encode())
    sys.stdout.buffer.flush()


def train(workspace: Workspace, files: Sequence[Path], format: str | None) -> Trained:
    """Teach the detector `learned`, and the weights of them all, by the rated turns of some files."""
    from components.feedback.signals.learning import train as learn

    return learn(workspace, read(files, format))
