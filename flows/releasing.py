"""Releasing: what a person let go from the quarantine is read again and handed to the next ingest."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from components.feedback.readers import Reading, read_rows
from components.feedback.readers.files import judged
from components.records.schemas import KINDS, PROBLEM, empty
from components.validation import quarantine
from components.validation.quarantine import Released
from components.workspace import Workspace


@dataclass(frozen=True)
class TakenUp:
    """What an ingest takes up.

    Attributes:
        released: the rows it was.
        frames: kind to records, not yet judged.
        problems: lines that no reader can read even now.
    """

    released: Released
    frames: dict[str, pl.DataFrame]
    problems: pl.DataFrame


def taken_up(workspace: Workspace) -> TakenUp:
    """Read what was released: lines by the reader of their format, records as they are."""
    released = quarantine.released(workspace.quarantine)
    readings = [again(lines) for lines in _together(released.lines)]
    frames = {
        kind: pl.concat([released.records.get(kind, empty(schema)), *(reading.frames[kind] for reading in readings)])
        for kind, schema in KINDS.items()
    }
    problems = pl.concat([pl.DataFrame(schema=PROBLEM), *(reading.problems for reading in readings)])
    return TakenUp(released, frames, problems)


def again(lines: pl.DataFrame) -> Reading:
    """Read lines of one file again: `file`, `line`, `row`, `format`, all of one file and format, no line twice."""
    file, format = lines.select("file", "format").row(0)
    return read_rows(judged(lines.select("line", "row").sort("line")), format, Path(file))


def _together(lines: pl.DataFrame) -> list[pl.DataFrame]:
    """Lines that may be read together: two files of one name may both have held a line of the same number."""
    by = ("file", "format")
    turn = pl.int_range(pl.len()).over(*by, "line")
    parts = lines.with_columns(turn=turn).partition_by(*by, "turn", maintain_order=True)
    return [part.drop("turn") for part in parts]
