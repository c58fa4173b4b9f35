"""What became of one piece of feedback, or of one interaction, in the dataset: found by its id, in every batch.

Knows nothing of the store it was captured in, and nothing of the models that learned from it.
"""

from dataclasses import dataclass

import polars as pl

from components.records.schemas import KINDS, as_records
from components.workspace import pinning
from components.workspace.workspace import Workspace

MADE_OF = ("preferences", "unpaired")


@dataclass(frozen=True)
class Landed:
    """A record that follows from it, or that it is.

    Attributes:
        kind: a key of `KINDS`.
        record: the record.
        batch: the batch in `data/` that holds it.
        dataset: content hash of the first dataset version that has it; None where none is known here.
        landed_at: when that version was made, ISO 8601.
    """

    kind: str
    record: dict[str, object]
    batch: str
    dataset: str | None
    landed_at: str | None


def follow(workspace: Workspace, id: str) -> list[Landed]:
    """Everything that follows from a record: itself, what is about it, its signals, and what was made of those.

    Args:
        workspace: whose dataset.
        id: of an interaction or of a piece of feedback, as the application or the file named it.
    """
    own = _found(workspace, "interactions", pl.col("id") == id)
    told = _found(workspace, "feedback", (pl.col("id") == id) | (pl.col("interaction") == id))
    signals = _found(workspace, "signals", pl.col("feedback").is_in([record["id"] for _, record in told]))
    names = [str(record["id"]) for _, record in (*told, *signals)]
    of_them = pl.col("provenance").list.set_intersection(pl.lit(names, pl.List(pl.String))).list.len() > 0
    made = {kind: _found(workspace, kind, of_them) for kind in MADE_OF} if names else {}
    found = {"interactions": own, "feedback": told, "signals": signals, **made}
    first = _first_versions(workspace, {batch for rows in found.values() for batch, _ in rows})
    return [
        Landed(kind, record, batch, *first.get(batch, (None, None)))
        for kind, rows in found.items()
        for batch, record in rows
    ]


def _found(workspace: Workspace, kind: str, wanted: pl.Expr) -> list[tuple[str, dict[str, object]]]:
    """Batch and record of those that are wanted, in the order they landed."""
    return [
        (file.parent.name, record)
        for file in sorted(workspace.data.glob(f"*/{kind}.parquet"))
        for record in as_records(pl.scan_parquet(file).filter(wanted).collect(), KINDS[kind]).to_dicts()
    ]


def _first_versions(workspace: Workspace, batches: set[str]) -> dict[str, tuple[str, str]]:
    """Batch to the content hash of the first version that has it, and when that was made."""
    first: dict[str, tuple[str, str]] = {}
    for commit, at, _ in pinning.history(workspace):
        digest = pinning.hash_at(workspace, commit)
        if digest is None or not pinning.is_here(workspace, digest):
            continue
        for batch in batches & {name.split("/")[0] for name in pinning.files_of(workspace, digest)}:
            first[batch] = (digest, at)  # newest first, so the last that is noted is the first there was
    return first
