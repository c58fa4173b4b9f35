"""Finds texts that are near duplicates: candidates by MinHash and banding, each verified by its true likeness.

MinHash (https://doi.org/10.1109/SEQUEN.1997.666900), here as rensa has it, gives two texts the same lowest hash with a
probability of their likeness, so that of pairs at 0.7 the bands find all but 1 in 10,000, and of unlike ones next to
none. What is found for a text depends on it and those before it alone. Knows nothing of what texts are compared for.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl
from rensa import RMinHash

from components.preferences.shingles import BYTES, HALF, KeptSets, mixed, near, parts, shingled

BANDS, ROWS, SEED = 32, 4, 2026
SIGNATURE = (RMinHash.ALGORITHM_VERSION, SEED)
"""`bands` are the same only where this is."""

WHOLE, FIRST, LAST = 32, 8, 2
"""In a band a text is compared with all before it that are alike there, or, where they are more than WHOLE, with the
first and the last few: enough to reach the group, where all pairs of thousands written from one template are not."""

BLOCK = 4096  # texts: rensa gives their minima one by one, as objects of 36 bytes
PIECE = 25_000  # texts that are compared at a time; all pairs of a million, at once, are gigabytes
LOWER = np.uint64(2**32 - 1)


def bands(texts: pl.Series) -> np.ndarray:
    """What near duplicates are looked up by.

    Args:
        texts: as `words_of` makes them, shape (n,).

    Returns:
        For each text and band one number, the same where all ROWS minima of the band are; u32, shape (n, BANDS).
    """
    found = np.empty((len(texts), BANDS), np.uint32)
    for part in parts(texts.str.len_bytes().to_numpy(), BYTES, BLOCK):
        minima = _minima(*shingled(texts[part]))
        key = np.zeros((len(minima), BANDS), np.uint64)
        for row in range(ROWS):
            key = mixed(key + minima[:, row::ROWS])
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


def near_before(
    band_of: Callable[[int], np.ndarray], start: int, count: int, sets: KeptSets, folder: Path
) -> Iterator[list[int]]:
    """For each new text the near duplicates among those before it.

    Args:
        band_of: gives the number of each text in a band, as `bands` finds it, oldest text first, shape (count,).
        start: index of the first new text, of which there is at least one.
        count: of all texts.
        sets: their shingles, in pieces of PIECE.
        folder: on disk, for what is too large for memory.

    Yields:
        Their indices, ascending, for each text from `start` on.
    """
    files = [folder / f"band-{band}.npy" for band in range(BANDS)]
    for band, file in enumerate(files):
        np.save(file, _in_groups(band_of(band)))
    for piece in range(start // PIECE, -(-count // PIECE)):
        begin, end = max(start, piece * PIECE), min(count, (piece + 1) * PIECE)
        pairs = np.concatenate([_alike(np.load(file), begin, end) for file in files])
        pairs.sort()  # and not np.unique, which takes fifty times as long for tens of millions
        pairs = pairs[np.append(pairs[1:] != pairs[:-1], True)] if len(pairs) else pairs
        pairs = pairs[_verified(pairs, piece, sets)]
        later, earlier = _apart(pairs)
        for some in np.split(earlier, np.searchsorted(later, np.arange(begin + 1, end))):
            yield some.tolist()


def _in_groups(keys: np.ndarray) -> np.ndarray:
    """Keys in the upper and indices in the lower half of numbers in order, so that those of a key lie together."""
    grouped = keys.astype(np.uint64) << HALF
    grouped |= np.arange(len(keys), dtype=np.uint64)
    grouped.sort()
    return grouped


def _alike(grouped: np.ndarray, begin: int, end: int) -> np.ndarray:
    """Pairs with the same key of which the later is one of some texts; its index is in the upper half of each."""
    index = grouped & LOWER
    at = np.flatnonzero((index >= begin) & (index < end))
    first = np.searchsorted(grouped, grouped[at] & ~LOWER)
    place = at - first
    pairs = []
    for distance in range(1, WHOLE + 1):
        later = at[(place >= distance) & ((place <= WHOLE) | (distance <= LAST))]
        pairs.append((later, later - distance))
    crowded = place > WHOLE
    pairs += [(at[crowded], first[crowded] + nth) for nth in range(FIRST)]
    return np.concatenate([index[later] << HALF | index[earlier] for later, earlier in pairs])


def _verified(pairs: np.ndarray, piece: int, sets: KeptSets) -> np.ndarray:
    """Which pairs are near duplicates, of those whose later text is in one piece: bool, as long as `pairs`."""
    found = np.zeros(len(pairs), bool)
    later, earlier = _apart(pairs)
    pieces = earlier // PIECE
    new = sets.of(piece)
    for number in np.flatnonzero(np.bincount(pieces)).tolist():
        those = np.flatnonzero(pieces == number)
        before = sets.of(number)
        found[those] = near(new, before, later[those] - piece * PIECE, earlier[those] - number * PIECE)
    return found


def _apart(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the later and of the earlier text of each pair."""
    return (pairs >> HALF).astype(np.int64), (pairs & LOWER).astype(np.int64)
