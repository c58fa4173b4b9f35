"""Every user turn of a file, in its order, beside what it reacts to. Knows nothing of what turns mean.

No turn is there twice, and none is lost: not the first of a conversation, which reacts to nothing, and not the last,
which nothing answers.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from components.feedback.readers import READERS, opened, uss
from components.feedback.readers.conversations import turns_of
from components.feedback.readers.fields import extract
from components.feedback.signals.prompts import turns_of_records
from components.feedback.signals.spoken import spoken

ROWS, PIECE = 8192, 65536
"""How many rows are read at a time, where each is a whole conversation; and how many turns are given at a time."""


def turns(path: Path, format: str | None) -> Iterator[pl.DataFrame]:
    """The user turns of a file.

    Args:
        path: the file.
        format: the name of its format; None to recognise it.

    Yields:
        Columns of `TURN`, in the order of the file, in pieces; memory is that of the rows and of one piece.

    Raises:
        BadInput: the file cannot be opened or is of no known format.
    """
    rows, name = opened(path, format)
    rows = rows.filter(pl.col("reason").is_null()).select("line", "row")
    read = TALKS.get(name)
    if read:
        yield from (spoken(read(part)) for part in rows.iter_slices(ROWS))
        return
    parts = READERS[name].read(rows)
    del rows  # as large as the file
    sound = {kind: part.filter(pl.col("reason").is_null()).drop("row") for kind, part in parts.items()}
    yield from turns_of_records(sound, name).iter_slices(PIECE)


def _dialogues(rows: pl.DataFrame) -> pl.DataFrame:
    said = uss._turns(extract(rows, ("dialogue",)))
    return said.filter(~uss.OVERALL)


def _conversations(rows: pl.DataFrame) -> pl.DataFrame:
    return turns_of(rows, "conversation")


TALKS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {"uss": _dialogues, "wildchat": _conversations}
"""The formats whose rows are whole conversations: rows to their messages, `line`, `role` and `content`, in order."""
