"""Holds what one ingest could not take, as it comes, and says at the end what became of it. Finds nothing itself."""

from pathlib import Path

import polars as pl

from components.records.schemas import PROBLEM
from components.validation import quarantine
from components.validation.quarantine import Released

AT_HAND = 64 * 2**20  # bytes that wait in memory to be written down together


class Held:
    """Rows that went to quarantine.

    Attributes:
        count: how many.
    """

    def __init__(self, folder: Path, taken: Released) -> None:
        self.count = 0
        self._folder, self._taken = folder, taken
        self._waiting: list[pl.DataFrame] = []
        self._files: set[Path] = set()
        self._back = [pl.DataFrame(schema=PROBLEM)]
        self._known: pl.Series | None = None

    def add(self, problems: pl.DataFrame) -> None:
        """Hold rows (the columns of `PROBLEM`). A few wait for `write`, so that an ingest that fails holds none."""
        self.count += problems.height
        self._waiting.append(problems)
        if sum(frame.estimated_size() for frame in self._waiting) > AT_HAND:
            self.write()

    def write(self) -> None:
        """Write down what waits."""
        problems = pl.concat([pl.DataFrame(schema=PROBLEM), *self._waiting])
        self._waiting.clear()
        if file := quarantine.hold(self._folder, problems):
            self._files.add(file)
        if len(self._taken.ids):
            self._back.append(problems)

    def add_new(self, problems: pl.DataFrame) -> None:
        """Hold those of the rows that are not held yet, for what is found again and again."""
        if problems.is_empty():
            return
        # All that is held is read once, and not again for every part of a large ingest.
        known = quarantine.names(self._folder) if self._known is None else self._known
        names = quarantine.names_of(problems)
        new = ~names.is_in(known.implode())
        self.add(problems.filter(new))
        self._known = pl.concat([known, names.filter(new)])

    @property
    def place(self) -> Path | None:
        """The file they are in; the folder where they are in several."""
        return next(iter(self._files)) if len(self._files) == 1 else self._folder if self._files else None

    def settle(self) -> None:
        """Note that what was released is taken up; those of its rows that came to be held again are waiting again."""
        quarantine.settle(self._folder, self._taken, pl.concat(self._back))
