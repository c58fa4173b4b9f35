"""Puts rows aside by number, so that all that belongs together can be taken out together. Knows nothing of records.

One shelf is kept in memory; several are folders on disk, and memory is that of what was put last and of one shelf.
"""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

AT_HAND = 64 * 2**20  # bytes of a kind that wait in memory to be put on their shelves together
SHELF = "_shelf"  # the column, which no kind has


class Shelves:
    """Rows of several kinds.

    Attributes:
        count: how many shelves there are.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.count = count
        self._folder = folder
        self._at_hand: dict[str, list[pl.DataFrame]] = {}
        self._written = 0
        self._alone = threading.RLock()  # rows may be taken by several threads

    def __getstate__(self) -> dict[str, Any]:
        """What a copy in another process needs: to see what is there by now, on the same disk."""
        if self.count > 1:
            with self._alone:
                for kind in list(self._at_hand):
                    self._write(kind)
        return {name: value for name, value in vars(self).items() if name != "_alone"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _alone=threading.RLock())

    def put(self, kind: str, rows: pl.DataFrame, numbers: pl.Series) -> None:
        """Put rows aside.

        Args:
            kind: what they are; rows of one kind have the same columns.
            rows: shape (n, columns).
            numbers: u64, shape (n,); rows of the same number come to lie on the same shelf.
        """
        if self.count == 1:
            self.put_on(kind, rows, 0)
        else:
            self._wait(kind, rows, (numbers % self.count).cast(pl.UInt32))

    def put_on(self, kind: str, rows: pl.DataFrame, shelf: int) -> None:
        """Put rows on one shelf."""
        if self.count == 1:
            self._at_hand.setdefault(kind, []).append(rows)
        elif not rows.is_empty():
            # They do not wait: a few rows that were picked out of many keep what all of them say in memory.
            with self._alone:
                if self._at_hand.get(kind):
                    self._write(kind)
                self._place(kind, rows, shelf)

    def take(self, kind: str, shelf: int, nothing: pl.DataFrame) -> pl.DataFrame:
        """All rows of a kind on a shelf, in the order they were put; they stay there.

        Args:
            kind: what they are.
            shelf: from 0.
            nothing: no row of the kind.
        """
        if self.count == 1:
            return pl.concat([nothing, *self._at_hand.get(kind, [])])
        with self._alone:
            if self._at_hand.get(kind):
                self._write(kind)
        files = sorted((self._folder / kind / str(shelf)).glob("*.arrow"))
        return pl.concat([nothing, *(pl.read_ipc(file) for file in files)])

    def drop(self, kind: str) -> None:
        """Forget all rows of a kind."""
        self._at_hand.pop(kind, None)
        shutil.rmtree(self._folder / kind, ignore_errors=True)

    def _wait(self, kind: str, rows: pl.DataFrame, shelf: pl.Series) -> None:
        with self._alone:
            waiting = self._at_hand.setdefault(kind, [])
            waiting.append(rows.with_columns(shelf.alias(SHELF)))
            if sum(frame.estimated_size() for frame in waiting) > AT_HAND:
                self._write(kind)

    def _write(self, kind: str) -> None:
        rows = pl.concat(self._at_hand.pop(kind))
        for (shelf,), part in rows.partition_by(SHELF, as_dict=True, include_key=False).items():
            self._place(kind, part, shelf)

    def _place(self, kind: str, rows: pl.DataFrame, shelf: int) -> None:
        self._written += 1
        file = self._folder / kind / str(shelf) / f"{self._written:09d}.arrow"
        file.parent.mkdir(parents=True, exist_ok=True)
        rows.write_ipc(file, compression="lz4")


@contextmanager
def shelves(parent: Path, count: int) -> Iterator[Shelves]:
    """Empty shelves in a folder of their own, which is taken away afterwards.

    Args:
        parent: where the folder is made. What killed processes left there is taken away too, so that only one process
            may have shelves there at a time.
        count: how many; 1 stays in memory.
    """
    parent.mkdir(exist_ok=True)
    for left in parent.glob("shelves-*"):
        shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix="shelves-", dir=parent))
    try:
        yield Shelves(folder, count)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
