"""Reads what preferences say where it is needed, a piece at a time, so that they may be larger than memory."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from components.records.identity import BLOCK
from components.records.schemas import Preference, empty


class Said:
    """Preferences in the order they landed.

    Attributes:
        count: how many there are.
    """

    def __init__(self, frames: Sequence[pl.LazyFrame]) -> None:
        self.count = 0
        self._pieces: list[tuple[int, int, pl.LazyFrame]] = []  # each with the index of its first and of the next one's
        for frame in frames:
            height = frame.select(pl.len()).collect().item()
            for start in range(0, height, BLOCK):
                end = min(start + BLOCK, height)
                self._pieces.append((self.count + start, self.count + end, frame.slice(start, end - start)))
            self.count += height

    def at(self, rows: np.ndarray, *columns: str) -> pl.DataFrame:
        """Columns of some preferences, by their ascending indices, shape (n,)."""
        return pl.concat([empty(Preference).select(columns), *(read() for read in self.readers(rows, *columns))])

    def readers(self, rows: np.ndarray, *columns: str) -> list[Callable[[], pl.DataFrame]]:
        """The same in pieces, each read when it is called for."""
        found = []
        for begin, end, piece in self._pieces:
            first, last = np.searchsorted(rows, (begin, end))
            if last > first:
                found.append(_reader(piece.select(columns), rows[first:last] - begin))
        return found


def _reader(piece: pl.LazyFrame, rows: np.ndarray) -> Callable[[], pl.DataFrame]:
    return lambda: piece.collect()[rows]
