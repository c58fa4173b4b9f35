"""Finds texts that are near duplicates: candidates by MinHash and banding, each verified by its true likeness.

Likeness is the Jaccard index of the two sets of 3-word shingles: what they share over what either has. MinHash
(https://doi.org/10.1109/SEQUEN.1997.666900), here as rensa has it, gives two texts the same lowest hash with just that
probability, so that of pairs at 0.7 the bands find all but 1 in 10,000, and of unlike ones next to none. What is found
for a text depends on it and those before it alone. Knows nothing of what texts are compared for.
"""

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import polars as pl
from rensa import RMinHash
from scipy import sparse

from components.records.words import spread

LEAST = 0.7
"""Likeness from which two texts are near duplicates: one word of a dozen changed."""

BANDS, ROWS, SEED = 32, 4, 2026
SIGNATURE = (RMinHash.ALGORITHM_VERSION, SEED)
"""`bands` are the same only where this is."""

WHOLE, FIRST, LAST = 32, 8, 2
"""In a band a text is compared with all before it that are alike there, or, where they are more than WHOLE, with the
first and the last few: enough to reach the group, where all pairs of thousands written from one template are not."""

BLOCK, BYTES = 4096, 2**22  # texts, and of how many bytes: rensa gives minima one by one, as objects of 36 bytes
SPAN = 50_000  # new texts that are compared at a time; all pairs of a million, at once, are gigabytes
PAIRS, SHINGLES = 200_000, 5_000_000  # compared at once, and what they may have together
SKETCH = 4  # numbers of 64 bits that outline the shingles of a text

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
    for part in _parts(texts.str.len_bytes().to_numpy(), BYTES, BLOCK):
        minima = _minima(*shingled(texts[part]))
        key = np.zeros((len(minima), BANDS), np.uint64)
        for row in range(ROWS):
            key = _mixed(key + minima[:, row::ROWS])
        found[part] = key >> HALF
    return found


def _minima(shingles: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The signature of each text by Fast Similarity Sketching (https://arxiv.org/abs/1704.04370).

    Args:
        shingles, starts: as `shingled` gives them.

    Returns:
        u32, shape (n, BANDS * ROWS); any column of two texts is the same with a probability of their likeness.
    """
    borders = np.append(starts, len(shingles)).astype(np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(shingles, borders, BANDS * ROWS, SEED)
    numbers = chain.from_iterable(matrix.to_rows())
    return np.fromiter(numbers, np.uint32, len(starts) * BANDS * ROWS).reshape(-1, BANDS * ROWS)


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
    count = len(looked_up)
    found = [_near(looked_up[: begin + SPAN], begin, texts_at) for begin in range(start, count, SPAN)]
    return np.concatenate([np.zeros((0, 2), np.int64), *found])


def _near(looked_up: np.ndarray, start: int, texts_at: Callable[[np.ndarray], pl.Series]) -> np.ndarray:
    pairs = np.concatenate([_alike(looked_up[:, band], start) for band in range(looked_up.shape[1])])
    pairs.sort()  # and not np.unique, which takes fifty times as long for tens of millions
    pairs = pairs[np.append(pairs[1:] != pairs[:-1], True)] if len(pairs) else pairs
    later, earlier = (pairs >> HALF).astype(np.int64), (pairs & LOWER).astype(np.int64)
    return _verified(later, earlier, texts_at)


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


def _verified(later: np.ndarray, earlier: np.ndarray, texts_at: Callable[[np.ndarray], pl.Series]) -> np.ndarray:
    """Those of the pairs whose Jaccard index is at least LEAST, shape (pairs, 2)."""
    if not len(later):
        return np.zeros((0, 2), np.int64)
    asked_for = np.flatnonzero(np.bincount(later) + np.bincount(earlier, minlength=later.max() + 1))
    place = np.zeros(asked_for[-1] + 1, np.int64)
    place[asked_for] = np.arange(len(asked_for))
    shingles, starts = shingled(texts_at(asked_for))
    column = np.unique(shingles, return_inverse=True)[1]
    held = sparse.csr_array((np.ones(len(column), np.int32), column, np.append(starts, len(column))))
    held.sum_duplicates()
    held.data[:] = 1
    size, outline = np.diff(held.indptr), _outlines(shingles, starts)
    found = [np.zeros((0, 2), np.int64)]
    for begin in range(0, len(later), PAIRS):
        both = np.column_stack([later[begin : begin + PAIRS], earlier[begin : begin + PAIRS]])
        a, b = place[both].T
        can_be = _like(_most_shared(outline, size, a, b), size[a] + size[b])
        both, a, b = both[can_be], a[can_be], b[can_be]
        for part in _parts(size[a] + size[b], SHINGLES):
            shared = held[a[part]].multiply(held[b[part]]).sum(axis=1)
            found.append(both[part][_like(shared, size[a[part]] + size[b[part]])])
    return np.concatenate(found)


def _like(shared: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Whether texts that share so many shingles, of so many together, are near duplicates."""
    return np.asarray(shared >= LEAST * (sizes - shared))


def _outlines(shingles: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """A bit for each shingle of each text, where several may fall on one bit: u64, shape (n, SKETCH)."""
    word, bit = shingles % np.uint64(SKETCH), np.uint64(1) << (shingles >> np.uint64(58))
    bits = [np.bitwise_or.reduceat(np.where(word == number, bit, np.uint64(0)), starts) for number in range(SKETCH)]
    return np.column_stack(bits)


def _most_shared(outline: np.ndarray, size: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many shingles each pair of texts can share at most: those that fell on a bit already may all be shared."""
    hidden = size - np.bitwise_count(outline).sum(axis=1, dtype=np.int64)
    seen = np.bitwise_count(outline[a] & outline[b]).sum(axis=1, dtype=np.int64)
    return np.asarray(seen + np.minimum(hidden[a], hidden[b]))


def _parts(costs: np.ndarray, most: int, count: int | None = None) -> Iterator[slice]:
    """Cut things into parts that cost at most so much together, each at least one, and are no more than `count`."""
    before, begin = np.cumsum(costs, dtype=np.int64), 0
    while begin < len(costs):
        spent = before[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(before, spent + most, side="right")))
        end = min(end, begin + (count or end))
        yield slice(begin, end)
        begin = end


def _mixed(numbers: np.ndarray) -> np.ndarray:
    numbers = (numbers ^ (numbers >> HALF)) * MIX
    return numbers ^ (numbers >> np.uint64(29))
