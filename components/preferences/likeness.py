"""Finds texts that are near duplicates: candidates by MinHash and banding, each verified by its true likeness.

Likeness is the Jaccard index of the two sets of 3-word shingles: what they share over what either has. MinHash
(https://doi.org/10.1109/SEQUEN.1997.666900) gives two texts the same lowest hash with just that probability, so that of
pairs at 0.7 the bands find all but 2 in 10,000, and of unlike ones next to none. What is found for a text depends on it
and those before it alone. Knows nothing of what texts are compared for.
"""

from collections.abc import Callable

import numpy as np
import polars as pl
from scipy import sparse

from components.records.words import spread

LEAST = 0.7
"""Likeness from which two texts are near duplicates: one word of a dozen changed."""

BANDS, ROWS = 32, 4
WHOLE, FIRST, LAST = 32, 8, 2
"""In a band a text is compared with all before it that are alike there, or, where they are more than WHOLE, with the
first and the last few: enough to reach the group, where all pairs of thousands written from one template are not."""

BLOCK = 4096  # texts; what is hashed at once stays in the processor's cache
PAIRS = 200_000  # compared at once

_drawn = np.random.default_rng(2026).integers(2**64, size=(2, BANDS, ROWS), dtype=np.uint64)
FACTORS, OFFSETS = _drawn[0] | np.uint64(1), _drawn[1]
SECOND, THIRD, MIX = (np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xBF58476D1CE4E5B9))
HALF, LOWER = np.uint64(32), np.uint64(2**32 - 1)


def bands(texts: pl.Series) -> np.ndarray:
    """What near duplicates are looked up by.

    Args:
        texts: as `words_of` makes them, shape (n,).

    Returns:
        For each text and band one number, the same where all ROWS minima of the band are; u32, shape (n, BANDS).
    """
    found = np.empty((len(texts), BANDS), np.uint32)
    for start in range(0, len(texts), BLOCK):
        shingles, starts = shingled(texts.slice(start, BLOCK))
        hashed = np.empty_like(shingles)
        for band in range(BANDS):
            key = np.zeros(len(starts), np.uint64)
            for row in range(ROWS):
                np.multiply(shingles, FACTORS[band, row], out=hashed)
                np.add(hashed, OFFSETS[band, row], out=hashed)
                key = _mixed(key + np.minimum.reduceat(hashed, starts))
            found[start : start + BLOCK, band] = key >> HALF
    return found


def shingled(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Every three words that follow each other; of a shorter text, all it has.

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
    return _mixed(hashed[(left > 2) | (place == 0)]), np.cumsum(held) - held


def near_pairs(looked_up: np.ndarray, start: int, texts_at: Callable[[np.ndarray], pl.Series]) -> np.ndarray:
    """All pairs of near duplicates in which the later text is a new one.

    Args:
        looked_up: `bands` of the texts, oldest first, shape (n, BANDS).
        start: index of the first new text.
        texts_at: gives the texts at some indices, as `words_of` makes them; only candidates are asked for.

    Returns:
        Index of the later and of the earlier text, shape (pairs, 2), ordered by both.
    """
    found = [_alike(looked_up[:, band], start) for band in range(looked_up.shape[1])]
    pairs = np.unique(np.concatenate([np.zeros(0, np.uint64), *found]))
    later, earlier = (pairs >> HALF).astype(np.int64), (pairs & LOWER).astype(np.int64)
    near = _likeness(later, earlier, texts_at) >= LEAST
    return np.column_stack([later[near], earlier[near]])


def _alike(keys: np.ndarray, start: int) -> np.ndarray:
    """Pairs with the same key, the later index in the upper half of each number."""
    keyed = keys.astype(np.uint64) << HALF | np.arange(len(keys), dtype=np.uint64)
    if start:
        new = np.append(np.unique(keys[start:]), np.uint32(0))
        keyed = keyed[new[np.searchsorted(new[:-1], keys)] == keys]
    keyed.sort()
    key, index = keyed >> HALF, (keyed & LOWER).astype(np.int64)
    same = np.concatenate([[False], key[1:] == key[:-1], [False]])
    several = same[1:] | same[:-1]
    index, fresh = index[several], ~same[:-1][several]
    if not len(index):
        return np.zeros(0, np.uint64)
    first = np.maximum.accumulate(np.where(fresh, np.arange(len(index)), 0))
    place = np.arange(len(index)) - first
    pairs = []
    for distance in range(1, WHOLE + 1):
        later = np.flatnonzero((place >= distance) & ((place <= WHOLE) | (distance <= LAST)))
        if not len(later):
            break
        pairs.append((index[later], index[later - distance]))
    crowded = np.flatnonzero(place > WHOLE)
    pairs += [(index[crowded], index[first[crowded] + nth]) for nth in range(FIRST if len(crowded) else 0)]
    packed = [later.astype(np.uint64) << HALF | earlier.astype(np.uint64) for later, earlier in pairs]
    return np.concatenate([np.zeros(0, np.uint64), *(both[both >> HALF >= start] for both in packed)])


def _likeness(later: np.ndarray, earlier: np.ndarray, texts_at: Callable[[np.ndarray], pl.Series]) -> np.ndarray:
    """The Jaccard index of each pair, shape (pairs,)."""
    if not len(later):
        return np.zeros(0)
    asked_for, row = np.unique(np.concatenate([later, earlier]), return_inverse=True)
    shingles, starts = shingled(texts_at(asked_for))
    column = np.unique(shingles, return_inverse=True)[1]
    held = sparse.csr_array((np.ones(len(column), np.int32), column, np.append(starts, len(column))))
    held.sum_duplicates()
    held.data[:] = 1
    size = np.diff(held.indptr)
    a, b = np.split(row, 2)
    shared = np.concatenate(
        [
            held[a[begin : begin + PAIRS]].multiply(held[b[begin : begin + PAIRS]]).sum(axis=1)
            for begin in range(0, len(a), PAIRS)
        ]
    )
    return shared / (size[a] + size[b] - shared)


def _mixed(numbers: np.ndarray) -> np.ndarray:
    numbers = (numbers ^ (numbers >> HALF)) * MIX
    return numbers ^ (numbers >> np.uint64(29))
