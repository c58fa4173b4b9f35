"""Keeps what could not be taken, with the reason, where a person can read it. Knows nothing of how it was found."""

import hashlib
from pathlib import Path

import polars as pl

from components.records.schemas import PROBLEM
from components.workspace.files import place


def hold(folder: Path, problems: pl.DataFrame) -> Path | None:
    """Write problems down, one JSON object a line.

    The same problems always make the same file, so to hold them again changes nothing.

    Args:
        folder: where the quarantine is; made where it is not there yet.
        problems: `file`, `line`, `reason`, `row`, shape (n, 4).

    Returns:
        The file they are in; None where there are none.
    """
    if problems.is_empty():
        return None
    content = problems.select(PROBLEM.keys()).write_ndjson().encode()
    target = folder / f"{hashlib.sha256(content).hexdigest()[:32]}.jsonl"
    if not target.exists():
        place(target, lambda aside: aside.write_bytes(content))
    return target


def held(folder: Path) -> pl.DataFrame:
    """Read all that is in quarantine: `file`, `line`, `reason`, `row`, shape (n, 4)."""
    files = sorted(folder.glob("*.jsonl"))
    return pl.concat([pl.DataFrame(schema=PROBLEM), *(pl.read_ndjson(file, schema=PROBLEM) for file in files)])


def unheld(folder: Path, problems: pl.DataFrame) -> pl.DataFrame:
    """The problems with rows that are not in quarantine yet, for what is found again and again, if in other words."""
    return problems.join(held(folder), on=["file", "line", "row"], how="anti", nulls_equal=True, maintain_order="left")


def as_problems(bad: pl.DataFrame) -> pl.DataFrame:
    """Write records that failed their contract as problems.

    Args:
        bad: records with a `reason`, as `contracts.check` gives them.

    Returns:
        `file`, `line`, `reason`, `row`, shape (n, 4). File and line are where the record was read from, if its
        provenance says so; else the file is its source.
    """
    origin = pl.col("provenance").list.first() if "provenance" in bad.columns else pl.lit(None, pl.String)
    place = origin.str.extract_groups(r"^(?<file>.+):(?<line>\d+)$")
    source = pl.col("source") if "source" in bad.columns else pl.lit(None, pl.String)
    return bad.select(
        file=pl.coalesce(place.struct.field("file"), source),
        line=place.struct.field("line").cast(pl.Int64),
        reason="reason",
        row=pl.struct(pl.exclude("reason")).struct.json_encode(),
    )
