"""What became of the rows in quarantine: a log that only grows, of who decided what and why. Knows no row's content."""

import getpass
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import polars as pl

from components.records.errors import BadInput
from components.workspace.files import append, logged

State = Literal["waiting", "released", "landed", "discarded"]
"""Of a held row: nobody has decided; the next ingest takes it up; an ingest has; it stays out."""

FILE = "decisions.jsonl"
LOG: dict[str, pl.DataType] = {
    "at": pl.Datetime("us", "UTC"),
    "by": pl.String(),
    "state": pl.String(),
    "because": pl.String(),
    "ids": pl.List(pl.String()),
    "records": pl.List(pl.String()),
    "row": pl.String(),
}


@dataclass(frozen=True)
class Decision:
    """One decision about any number of rows.

    Attributes:
        state: what they are from now on.
        ids: of the rows.
        because: why.
        records: ids of the sound records among them: those that may land, or may not, however they come.
        row: what stands in the place of the one row from now on; None where it is as it was held.
        by: who decides; None is the person at the keyboard.
    """

    state: State
    ids: Sequence[str]
    because: str
    records: Sequence[str] = ()
    row: str | None = None
    by: str | None = None


def decide(folder: Path, *decisions: Decision) -> None:
    """Write decisions down; they are on disk when this returns."""
    at = datetime.now(UTC).isoformat()
    lines = [
        {
            "at": at,
            "by": decision.by or getpass.getuser(),
            "state": decision.state,
            "because": decision.because,
            "ids": list(decision.ids),
            "records": list(decision.records),
            "row": decision.row,
        }
        for decision in decisions
    ]
    append(folder / FILE, "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines))


def decisions(folder: Path) -> pl.DataFrame:
    """All that were made, oldest first: the columns of `LOG`.

    Raises:
        BadInput: somebody has changed the file so that it is no log any more.
    """
    told = logged(folder / FILE)
    if not told:
        return pl.DataFrame(schema=LOG)
    try:
        read = pl.read_ndjson(told, schema=LOG | {"at": pl.String()})
        return read.with_columns(pl.col("at").str.to_datetime("%+", time_unit="us", time_zone="UTC"))
    except pl.exceptions.PolarsError as error:
        said = str(error).splitlines()[0]
        raise BadInput(f"not a log of decisions: {said}", folder / FILE, "Take out the line that is none.") from None


def states(folder: Path) -> pl.DataFrame:
    """What every row that was decided on is now: `id`, `state`, `row` (null as it was held), one row each.

    Beside it `decided`: the number of the decision, from 0.
    """
    made = decisions(folder).with_row_index("decided").select(pl.col("ids").alias("id"), "state", "row", "decided")
    latest = (
        made.explode("id")
        .group_by("id", maintain_order=True)
        .agg(
            pl.col("state", "decided").last(),
            pl.col("row").filter(pl.col("state") == "released").last(),
        )
    )
    return latest.drop_nulls("id")


def records_that_were(folder: Path, state: State) -> pl.Series:
    """Ids of the records whose last decision was `state`."""
    told = decisions(folder).select(pl.col("records").alias("id"), "state").explode("id").drop_nulls("id")
    last = told.unique("id", keep="last", maintain_order=True)
    return last.filter(pl.col("state") == state)["id"]
