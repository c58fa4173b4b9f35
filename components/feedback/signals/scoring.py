"""What detectors say of every user turn of a file. Knows nothing of who reads it, or where it is written."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from components.feedback.signals import Detector, appoint
from components.feedback.signals.combining import VERDICT, combined
from components.feedback.signals.reactions import REACTION
from components.feedback.signals.turns import turns
from components.feedback.signals.weighing import weights_of
from components.workspace import Workspace

SCORED = {"line": pl.Int64(), "turn": pl.UInt32(), "text": pl.String(), **VERDICT}
"""`turn` is the number of the user's turn in its conversation, from 1."""


def score(
    workspace: Workspace, path: Path, format: str | None = None, detectors: Sequence[str] = ()
) -> Iterator[pl.DataFrame]:
    """Read every user turn of a file.

    Args:
        workspace: whose settings and learned detector are used.
        path: the file, of any format that can be read.
        format: the name of its format; None to recognise it.
        detectors: who reads it; none for those of the settings.

    Yields:
        Columns of `SCORED`, one line a turn, in the order of the file, in pieces.

    Raises:
        BadInput: the file cannot be read, or a detector cannot work.
    """
    names = list(detectors) or workspace.settings.signals.detectors
    appointed = appoint(names, workspace)
    weights = weights_of(workspace, names)
    for piece in turns(path, format):
        yield _scored(piece, appointed, weights)


def _scored(piece: pl.DataFrame, appointed: Sequence[Detector], weights: dict[str, float]) -> pl.DataFrame:
    reactions = piece.select(*REACTION)
    findings = [(detector.name, detector.find(reactions)) for detector in appointed]
    verdicts = combined(findings, weights, piece.height)
    told = piece.select("line", turn=pl.col("earlier") + 1, text="text")
    return pl.concat([told, verdicts], how="horizontal").select(*SCORED)
