"""Every user turn of a file, in its order, beside what it reacts to. Knows nothing of what turns mean.

No turn is there twice, and none is lost: not the first of a conversation, which reacts to nothing, and not the last,
which nothing answers.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from components import progress
from components.feedback.readers import BY_ROW, READERS, opened, uss
from components.feedback.readers.conversations import turns_of
from components.feedback.readers.fields import extract
from components.feedback.signals.prompts import turns_of_records
from components.feedback.signals.spoken import spoken
from components.records.errors import BadInput

CONVERSATIONS, PIECE = 8192, 131072
"""How many rows are read at a time, where each is a whole conversation and where not; and turns given at a time."""


def turns(path: Path, format: str | None) -> Iterator[pl.DataFrame]:
    """The user turns of a file.

    Args:
        path: the file.
        format: the name of its format; None to recognise it.

    Yields:
        Columns of `TURN`, in the order of the file, in pieces; memory is that of the rows and of one piece.

    Raises:
        BadInput: the file cannot be opened, is of no known format, or holds no user turn.
    """
    rows, name = opened(path, format)
    sound = rows.filter(pl.col("reason").is_null()).select("line", "row")
    unread, told = len(rows) - len(sound), 0
    del rows  # as large as the file
    for piece, bad in _pieces(sound, name):
        unread, told = unread + bad, told + len(piece)
        if len(piece):
            yield piece
    if not told:
        raise BadInput(
            "no user turn can be read from this file", path, "`heed ingest` says what is wrong with its rows."
        )
    if unread:
        progress.console.print(f"{unread} rows of {path.name} could not be read; `heed ingest` says why.")


def _pieces(rows: pl.DataFrame, format: str) -> Iterator[tuple[pl.DataFrame, int]]:
    """User turns piece by piece, and how many rows could not be read for each."""
    read = TALKS.get(format)
    if read:
        yield from ((spoken(read(piece)), 0) for piece in rows.iter_slices(CONVERSATIONS))
        return
    size = PIECE if format in BY_ROW else len(rows)
    readings = [_sound(READERS[format].read(piece)) for piece in rows.iter_slices(size)]
    kinds = dict.fromkeys(kind for parts, _ in readings for kind in parts)
    parts = {
        kind: pl.concat([parts[kind] for parts, _ in readings if kind in parts], how="diagonal_relaxed")
        for kind in kinds
    }
    bad = sum(bad for _, bad in readings)
    del readings
    for piece in turns_of_records(parts, format).iter_slices(PIECE):
        yield piece, bad
        bad = 0


def _sound(parts: dict[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], int]:
    """The parts of a reading without rows that could not be read, and how many those are."""
    sound = {kind: part.filter(pl.col("reason").is_null()).drop("row") for kind, part in parts.items()}
    return sound, sum(len(part) for part in parts.values()) - sum(len(part) for part in sound.values())


def _dialogues(rows: pl.DataFrame) -> pl.DataFrame:
    said = uss._turns(extract(rows, ("dialogue",)))
    return said.filter(~uss.OVERALL)


def _conversations(rows: pl.DataFrame) -> pl.DataFrame:
    return turns_of(rows, "conversation")


TALKS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {"uss": _dialogues, "wildchat": _conversations}
"""The formats whose rows are whole conversations: rows to their messages, `line`, `role` and `content`, in order."""
