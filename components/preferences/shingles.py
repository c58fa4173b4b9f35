"""Texts as sets of 3-word shingles, and which of them are near duplicates. Knows nothing of how candidates are found.

Likeness is the Jaccard index of the two sets: what they share over what either has.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from components.records.words import spread

LEAST = 0.7
"""Likeness from which two texts are near duplicates: one word of a dozen changed."""

BYTES = 2**22  # of texts that are cut into words together
PAIRS, SHINGLES = 200_000, 5_000_000  # compared at once, and what they may have together
SKETCH = 4  # numbers of 64 bits that outline the shingles of a text
NUMBERS = 2**63 - 1  # by which a sparse matrix can name its columns

SECOND, THIRD, MIX = (np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xBF58476D1CE4E5B9))
HALF = np.uint64(32)


@dataclass(frozen=True)
class Sets:
    """The shingles of some texts.

    Attributes:
        held: 1 where a text has a shingle, shape (n, NUMBERS).
        outline: a bit for each shingle of each text, where several may fall on one bit; u64, shape (n, SKETCH).
    """

    held: sparse.csr_array
    outline: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """How many shingles each text has, shape (n,)."""
        return np.asarray(np.diff(self.held.indptr))


class KeptSets:
    """Sets of texts that come in pieces, on disk from when they were made, so that they may be larger than memory."""

    def __init__(self, folder: Path, texts_of: Callable[[int], pl.Series]) -> None:
        self._folder, self._texts_of = folder, texts_of

    def keep(self, piece: int, made: Sets) -> None:
        """Keep the sets of a piece."""
        np.savez(self._file(piece), numbers=made.held.indices, borders=made.held.indptr, outline=made.outline)

    def of(self, piece: int) -> Sets:
        """The sets of a piece; where they are not kept, of its texts."""
        if not self._file(piece).exists():
            self.keep(piece, sets_of(self._texts_of(piece)))
        with np.load(self._file(piece)) as made:
            return Sets(_matrix(made["numbers"], made["borders"]), made["outline"])

    def _file(self, piece: int) -> Path:
        return self._folder / f"sets-{piece}.npz"


def shingled(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Every three words that follow each other; of a shorter text, all it has.

    Args:
        texts: as `words_of` makes them, shape (n,).

    Returns:
        64-bit hashes of all shingles in order, shape (m,), and where those of each text begin, shape (n,).
    """
    words, counts = (column.to_numpy() for column in spread(texts))
    begins = np.cumsum(counts, dtype=np.int64) - counts
    place = np.arange(len(words)) - np.repeat(begins, counts)
    left = np.repeat(counts, counts) - place
    ahead = np.concatenate([words, np.zeros(2, np.uint64)])
    hashed = words + SECOND * np.where(left > 1, ahead[1:-1], 0) + THIRD * np.where(left > 2, ahead[2:], 0)
    held = np.maximum(counts.astype(np.int64) - 2, 1)
    return mixed(hashed[(left > 2) | (place == 0)]), np.cumsum(held) - held


def sets_of(texts: pl.Series) -> Sets:
    """The shingles of texts that are as `words_of` makes them, at least one, shape (n,)."""
    made = [_sets(texts[part]) for part in parts(texts.str.len_bytes().to_numpy(), BYTES)]
    held, outlines = [sets.held for sets in made], [sets.outline for sets in made]
    return Sets(sparse.vstack(held, format="csr"), np.concatenate(outlines))


def near(some: Sets, others: Sets, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether text `a` of some and text `b` of others are near duplicates, for each of many pairs: bool, as long."""
    found = np.zeros(len(a), bool)
    for begin in range(0, len(a), PAIRS):
        part = slice(begin, begin + PAIRS)
        found[part] = _near(some, others, a[part], b[part])
    return found


def parts(costs: np.ndarray, most: int, count: int | None = None) -> Iterator[slice]:
    """Cut things into parts that cost at most so much together, each at least one, and are no more than `count`."""
    before, begin = np.cumsum(costs, dtype=np.int64), 0
    while begin < len(costs):
        spent = before[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(before, spent + most, side="right")))
        end = min(end, begin + (count or end))
        yield slice(begin, end)
        begin = end


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Spread numbers over all 64 bits."""
    numbers = (numbers ^ (numbers >> HALF)) * MIX
    return numbers ^ (numbers >> np.uint64(29))


def _sets(texts: pl.Series) -> Sets:
    shingles, starts = shingled(texts)
    # A bit less of each, because the numbers of columns have a sign.
    held = _matrix((shingles >> np.uint64(1)).astype(np.int64), np.append(starts, len(shingles)))
    held.sum_duplicates()
    return Sets(_matrix(held.indices, held.indptr), _outlines(shingles, starts))


def _matrix(numbers: np.ndarray, borders: np.ndarray) -> sparse.csr_array:
    return sparse.csr_array((np.ones(len(numbers), np.int8), numbers, borders), shape=(len(borders) - 1, NUMBERS))


def _outlines(shingles: np.ndarray, starts: np.ndarray) -> np.ndarray:
    word, bit = shingles % np.uint64(SKETCH), np.uint64(1) << (shingles >> np.uint64(58))
    bits = [np.bitwise_or.reduceat(np.where(word == number, bit, np.uint64(0)), starts) for number in range(SKETCH)]
    return np.column_stack(bits)


def _near(some: Sets, others: Sets, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    sizes = some.sizes[a] + others.sizes[b]
    found = _like(_most_shared(some, others, a, b), sizes)
    maybe = np.flatnonzero(found)
    for part in parts(sizes[maybe], SHINGLES):
        pairs = maybe[part]
        shared = some.held[a[pairs]].multiply(others.held[b[pairs]]).sum(axis=1)
        found[pairs] = _like(shared, sizes[pairs])
    return found


def _like(shared: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Whether texts that share so many shingles, of so many together, are near duplicates."""
    return np.asarray(shared >= LEAST * (sizes - shared))


def _most_shared(some: Sets, others: Sets, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many shingles each pair of texts can share at most: those that fell on a bit already may all be shared."""
    seen = np.bitwise_count(some.outline[a] & others.outline[b]).sum(axis=1, dtype=np.int64)
    return np.asarray(seen + np.minimum(_hidden(some)[a], _hidden(others)[b]))


def _hidden(sets: Sets) -> np.ndarray:
    return np.asarray(sets.sizes - np.bitwise_count(sets.outline).sum(axis=1, dtype=np.int64))
