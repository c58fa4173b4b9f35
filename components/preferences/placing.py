"""Decides the side of each prompt, oldest first, from those before it alone: so none ever moves as data grows.

A prompt joins the near duplicates that came before it. One that would tie two sides together is kept off both. One that
is like nothing before it starts a group, whose side is drawn so that every stratum keeps to the shares. Knows nothing
of texts, and nothing of records.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from components.config.settings import Split

TRAIN, VALIDATION, TEST, WITHHELD = range(4)

SLACK, SLACK_SHARE = 1.5, 0.02
"""How many groups, or which share of all groups of a stratum, a side may be ahead or behind before a lot is overruled.
Lots, and not turns, decide as long as they can, and in a large stratum they always can: where somebody is forgotten, a
few prompts after theirs change sides, and not all."""


@dataclass(frozen=True)
class Places:
    """Where prompts are, in the order they came.

    Attributes:
        side: TRAIN, VALIDATION, TEST or WITHHELD.
        joined: index of a prompt of the same group that came earlier, or its own; the first of a group has its own.
        drawn: whether it was like nothing before it, so that its side was drawn.
    """

    side: np.ndarray
    joined: np.ndarray
    drawn: np.ndarray

    @property
    def groups(self) -> np.ndarray:
        """Index of the first prompt of each one's group; a withheld prompt has a group of its own."""
        found = self.joined
        while not np.array_equal(further := found[found], found):
            found = further
        return found


def place(places: Places, lots: np.ndarray, strata: list[int], near: Iterable[list[int]], shares: Split) -> Places:
    """Place the prompts that have no place yet.

    Args:
        places: of the first prompts; the sides they were given stay.
        lots: a number in [0, 1) for each of all n prompts that follows from its text, shape (n,).
        strata: number of what each of them is counted under, length n.
        near: for each new prompt the indices of those before it that are its near duplicates, ascending.
        shares: of test and validation; the rest is training.

    Returns:
        The places of all n.
    """
    # Arrays and not lists, whose numbers are objects of 32 bytes.
    side, joined, drawn = array("b", places.side), array("q", places.joined), array("b", places.drawn.astype(np.int8))
    tallies: dict[int, _Tally] = defaultdict(lambda: _Tally(shares.validation, shares.test))
    for index in np.flatnonzero(places.drawn).tolist():
        tallies[strata[index]].count(side[index])
    # One after the other, because where a prompt goes depends on where all before it went.
    for index, alike in enumerate(near, start=len(side)):
        known = [other for other in alike if side[other] != WITHHELD]
        joined.append(index)
        drawn.append(not known)
        if not known:
            side.append(tallies[strata[index]].draw(lots[index]))
        elif len({side[other] for other in known}) > 1:
            side.append(WITHHELD)
        else:
            side.append(side[known[0]])
            firsts = {_first(joined, other) for other in known}
            for first in (index, *firsts):
                joined[first] = min(firsts)
    return Places(np.array(side), np.array(joined), np.array(drawn, bool))


def _first(joined: "array[int]", index: int) -> int:
    while joined[index] != index:
        joined[index] = joined[joined[index]]
        index = joined[index]
    return index


class _Tally:
    """How far validation and test are ahead of their shares of a stratum, in groups; training is what is left."""

    def __init__(self, validation: float, test: float) -> None:
        self.validation, self.test = validation, test
        self.ahead_validation = self.ahead_test = 0.0
        self.groups = 0

    def count(self, side: int) -> None:
        self.groups += 1
        self.ahead_validation += (side == VALIDATION) - self.validation
        self.ahead_test += (side == TEST) - self.test

    def draw(self, lot: float) -> int:
        """The side a lot falls on, or the one that is furthest behind where that would take a side too far off."""
        side = TEST if lot < self.test else VALIDATION if lot < self.test + self.validation else TRAIN
        validation = self.ahead_validation - self.validation + (side == VALIDATION)
        test = self.ahead_test - self.test + (side == TEST)
        if max(abs(validation), abs(test), abs(validation + test)) > max(SLACK, SLACK_SHARE * self.groups):
            owed_validation, owed_test = self.validation - self.ahead_validation, self.test - self.ahead_test
            owed = {TRAIN: 1 - owed_validation - owed_test, VALIDATION: owed_validation, TEST: owed_test}
            side = max(owed, key=lambda name: owed[name])
        self.count(side)
        return side
