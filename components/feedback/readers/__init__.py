"""Reads files of feedback and preferences, other systems' and heed's own. Knows nothing of what becomes of them.

A format is a module with a `fits` and a `read`, and one line in READERS. Nothing a file holds is lost: a row either
becomes a record or a problem with a reason.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from components.feedback.readers import (
    adparaphrase,
    alpaca_eval,
    arena,
    events,
    helpsteer2,
    helpsteer3,
    hh_rlhf,
    langfuse,
    mlflow_traces,
    nectar,
    oasst,
    prism,
    search_arena,
    shp,
    tensorzero,
    trl,
    ultrafeedback,
    uss,
    wildchat,
    wildfeedback,
)
from components.feedback.readers.files import pieces_of, rows_of
from components.records.errors import BadInput
from components.records.schemas import KINDS, PROBLEM, as_records, dtypes, empty
from components.workspace.ahead import ahead


class Reader(Protocol):
    """A format. Its module may take for granted that every row is a JSON object, and nothing else."""

    def fits(self, row: dict[str, Any]) -> bool:
        """Whether a row looks like this format."""

    def read(self, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Take `line` and `row` to columns of records by kind, each beside its `line`, `row` and `reason`.

        `reason` is null where the row is sound. A `source` that is null becomes the format's name.
        """


READERS: dict[str, Reader] = {
    "heed": events,
    "mlflow": mlflow_traces,
    "langfuse": langfuse,
    "tensorzero": tensorzero,
    "uss": uss,
    "wildchat": wildchat,
    "wildfeedback": wildfeedback,
    "prism": prism,
    "oasst": oasst,
    "ultrafeedback": ultrafeedback,
    "search-arena": search_arena,
    "arena": arena,
    "shp": shp,
    "helpsteer2": helpsteer2,
    "helpsteer3": helpsteer3,
    "nectar": nectar,
    "alpaca-eval": alpaca_eval,
    "adparaphrase": adparaphrase,
    "hh-rlhf": hh_rlhf,
    "trl": trl,
}
"""The formats by name; where a row fits several, the first has it."""

BY_ROW = ("heed", "hh-rlhf", "trl")
"""The formats whose rows are read each by itself; in others, rows may be about each other."""

SAMPLE = 50
"""How many rows a format is recognised by."""


@dataclass(frozen=True)
class Reading:
    """What files hold.

    Attributes:
        frames: records by kind (the names in `KINDS`), typed and with ids, not yet checked against the contracts.
        problems: rows that could not be read: file, line (from 1; the row's number in Parquet and JSON arrays), reason
            and the row itself.
        formats: file to the name of its format.
    """

    frames: dict[str, pl.DataFrame]
    problems: pl.DataFrame
    formats: dict[Path, str]


def read(paths: Sequence[Path], format: str | None) -> Reading:
    """Read files of any known format.

    Args:
        paths: the files.
        format: the name of their format; None to recognise it, for each file by itself.

    Raises:
        BadInput: a format nobody knows, or a file that is wrong as a whole: it cannot be opened, no format fits it,
            or none of its rows can be read.
    """
    readings = [_read_file(path, format) for path in paths]
    return Reading(
        frames={
            kind: pl.concat([empty(schema), *(reading.frames[kind] for reading in readings)])
            for kind, schema in KINDS.items()
        },
        problems=pl.concat([pl.DataFrame(schema=PROBLEM), *(reading.problems for reading in readings)]),
        formats={path: name for reading in readings for path, name in reading.formats.items()},
    )


def pieces(paths: Sequence[Path], format: str | None) -> Iterator[Reading]:
    """Read files that may be larger than memory: those of JSON lines that can be read each by itself come in pieces.

    Args:
        paths: the files.
        format: the name of their format; None to recognise it, for each file by itself and by its first piece.

    Raises:
        BadInput: as `read`, if perhaps not before the piece that is wrong.
    """
    for path in paths:
        yield from _pieces(path, format)


def _pieces(path: Path, format: str | None) -> Iterator[Reading]:
    _refuse_unknown(format)
    opened = pieces_of(path)
    first = next(opened)
    name = _format_of(first, path, format)
    if name not in BY_ROW:
        yield _read(pl.concat([first, *opened]), name, path)
        return
    problems, found = [], False
    for reading in ahead(lambda rows: read_rows(rows, name, path), chain([first], opened)):
        found = found or any(not frame.is_empty() for frame in reading.frames.values())
        if not found:
            problems.append(reading.problems)
        yield reading
    if not found:
        raise _nothing_read(path, pl.concat(problems), name)


def opened(path: Path, format: str | None) -> tuple[pl.DataFrame, str]:
    """Open a file without reading it.

    Args:
        path: the file.
        format: the name of its format; None to recognise it.

    Returns:
        Its rows, as `rows_of` gives them, and the name of their format.

    Raises:
        BadInput: a format nobody knows, or a file that cannot be opened, is of no known format or holds no JSON object.
    """
    _refuse_unknown(format)
    rows = rows_of(path)
    return rows, _format_of(rows, path, format)


def _format_of(rows: pl.DataFrame, path: Path, format: str | None) -> str:
    objects = rows.filter(pl.col("reason").is_null()).select("line", "row")
    if objects.is_empty():
        raise _nothing_sound(path, rows, "Every row must be a JSON object.")
    return format or _recognise(objects, path)


def _refuse_unknown(format: str | None) -> None:
    if format is not None and format not in READERS:
        raise BadInput(f'there is no format "{format}"', "--format", f"The formats are {_known()}.")


def _read_file(path: Path, format: str | None) -> Reading:
    rows, name = opened(path, format)
    return _read(rows, name, path)


def _read(rows: pl.DataFrame, name: str, path: Path) -> Reading:
    reading = read_rows(rows, name, path)
    if all(frame.is_empty() for frame in reading.frames.values()):
        raise _nothing_read(path, reading.problems, name)
    return reading


def _nothing_read(path: Path, problems: pl.DataFrame, format: str) -> BadInput:
    return _nothing_sound(path, problems, f"It was read as {format}; the formats are {_known()}.")


def read_rows(rows: pl.DataFrame, format: str, path: Path) -> Reading:
    """Read rows that are at hand.

    Args:
        rows: `line`, `row` and `reason`, as `rows_of` gives them.
        format: the name of their format.
        path: where they come from; its last part is what problems and provenance call it.
    """
    parts = READERS[format].read(rows.filter(pl.col("reason").is_null()).select("line", "row"))
    sound = {kind: part.filter(pl.col("reason").is_null()) for kind, part in parts.items()}
    bad = [part.filter(pl.col("reason").is_not_null()) for part in [rows, *parts.values()]]
    problems = pl.concat([part.select("line", "reason", "row") for part in bad]).sort("line")
    return Reading(
        frames={kind: _records(kind, sound.get(kind), path, format) for kind in KINDS},
        problems=problems.select(
            pl.lit(path.name).alias("file"),
            "line",
            "reason",
            "row",
            pl.lit(None, pl.String).alias("kind"),
            pl.lit(format).alias("format"),
        ),
        formats={path: format},
    )


def _records(kind: str, rows: pl.DataFrame | None, path: Path, format: str) -> pl.DataFrame:
    if rows is None:
        return empty(KINDS[kind])
    source = pl.col("source") if "source" in rows.columns else pl.lit(None, pl.String)
    told = rows.with_columns(source=source.fill_null(format))
    if "provenance" in dtypes(KINDS[kind]):
        told = told.with_columns(provenance=pl.concat_list(pl.format("{}:{}", pl.lit(path.name), "line")))
    return as_records(told, KINDS[kind])


def _recognise(rows: pl.DataFrame, path: Path) -> str:
    """The format that most rows of a sample, taken evenly, fit."""
    sample = _sample(rows)
    first_fits = [next((name for name, reader in READERS.items() if reader.fits(row)), None) for row in sample]
    votes = Counter(name for name in first_fits if name is not None)
    if not votes:
        seen = ", ".join(sorted({key for row in sample for key in row})[:20]) or "none"
        raise BadInput(
            f"no known format fits this file; its keys are {seen}", path, f"The formats are {_known()}; see the docs."
        )
    return votes.most_common(1)[0][0]


def _sample(rows: pl.DataFrame) -> list[dict[str, Any]]:
    sample = []
    for row in rows["row"].gather_every(max(1, len(rows) // SAMPLE)).head(SAMPLE):
        try:
            sample.append(json.loads(row))
        except (ValueError, RecursionError):  # JSON, but with numbers too long or lists too deep for Python
            continue
    return sample


def _nothing_sound(path: Path, problems: pl.DataFrame, fix: str) -> BadInput:
    line, reason = problems.sort("line").select("line", "reason").row(0)
    return BadInput(f"not one row of this file can be read; line {line}: {reason}", path, fix)


def _known() -> str:
    return ", ".join(READERS)
