"""Pairs that are nearly the same: by one user again and again, by newcomers, or by several users in concert.

Two pairs are near copies where their questions, chosen and rejected answers share most words (MinHash,
https://doi.org/10.1109/SEQUEN.1997.666900, with bands over all three). That honest users ask the same and are answered
alike is no reason to hold anything: it has to be the same user, or users who do the same again and again at the same
times, or pairs that come from newcomers or in one hour far beyond chance (`concentration`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from components.validation.defences.concentration import background, newcomers, rushed
from components.validation.defences.reading import answer, question, words
from components.validation.finding import SUSPECTS
from components.validation.material import Material

HASHES = 8  # smallest hashes kept of each text, and bands in which they are looked up
ALIKE, ANSWERS, EACH = 0.7, 0.65, 0.4  # of words shared: in the mean of all three texts, of both answers, and in each
EDITED = 0.85  # of words shared by what differs, where the question and one answer are the same to the letter
JUDGE = 0.5  # of all pairs, from which on their rater is a judge or an import, and no user among users
COPIES = 4  # near copies of one pair from which on they are no accident
SHARED = 3  # pairs that users must share with each other, and as many users, to be in concert
TOGETHER = np.timedelta64(30, "m")
BLOCK = 100_000  # pairs read at a time
MIX, REMIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


@dataclass(frozen=True)
class Sketch:
    """The smallest hashes of the words of every pair.

    Attributes:
        whole: a hash of the text of question, chosen and rejected, shape (n, 3).
        minima: of the words of each, shape (n, 3, HASHES).
        rater: a number for each rater; nobody shares the number of who is not named, shape (n,).
        named: whether it is known who the rater is, shape (n,).
    """

    whole: np.ndarray
    minima: np.ndarray
    rater: np.ndarray
    named: np.ndarray

    def alike(self, some: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Whether pairs are near copies of others, shape as theirs.

        Several answers set against one and the same, as a benchmark does with many models, are none.
        """
        same = (self.minima[some] == self.minima[others]).mean(axis=2)
        answers = same[:, 1:].mean(axis=1)
        identical = self.whole[some] == self.whole[others]
        against_one = identical[:, 0] & identical[:, 1:].any(axis=1)
        each = same.min(axis=1) >= np.where(against_one, EDITED, EACH)
        return np.asarray((same.mean(axis=1) >= ALIKE) & (answers >= ANSWERS) & each)


def suspect(material: Material) -> pl.DataFrame:
    """Pairs that somebody handed in again and again, alone or together with others."""
    pairs = material.preferences
    sketch = _sketch(pairs)
    own, shared = _met(sketch)
    reasons = [
        _rows(_repeated(own, sketch), "near copy: the same user hands in this pair again and again"),
        _rows(_in_concert(shared, sketch, pairs), "look-alike: several users make the same choices at the same times"),
        *_crowds(shared, material),
    ]
    ids = pairs.select("id").with_row_index("row")
    return (
        pl.concat(reasons)
        .unique(maintain_order=True)
        .join(ids, on="row", maintain_order="left")
        .select(SUSPECTS.keys())
    )


def _rows(rows: np.ndarray, reason: str) -> pl.DataFrame:
    return pl.DataFrame({"row": pl.Series(rows, dtype=pl.UInt32)}).with_columns(reason=pl.lit(reason))


def _sketch(pairs: pl.DataFrame) -> Sketch:
    minima = np.zeros((pairs.height, 3, HASHES), dtype=np.uint32)
    whole = np.zeros((pairs.height, 3), dtype=np.uint64)
    odd = (np.random.default_rng(0).integers(2**62, size=HASHES, dtype=np.uint64) << np.uint64(1)) | np.uint64(1)
    for start in range(0, pairs.height, BLOCK):
        block = pairs.slice(start, BLOCK)
        for side, text in enumerate((question(), answer("chosen"), answer("rejected"))):
            texts = block.select(text).to_series()
            whole[start : start + BLOCK, side] = texts.hash(seed=5).to_numpy()
            said = words(texts)
            for place, factor in enumerate(odd):
                mixed = ((said.hashes * factor) >> np.uint64(32)).astype(np.uint32)
                minima[start : start + BLOCK, side, place] = np.minimum.reduceat(mixed, said.starts)
    known = pairs.select(pl.col("rater").is_not_null()).to_series().to_numpy()
    rater = pairs.select(pl.coalesce("rater", "id").hash(seed=1)).to_series().to_numpy()
    return Sketch(whole, minima, rater, known)


def _met(sketch: Sketch) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Near copies by the same rater and by different ones: `row` and the row it is a copy of, `of`."""
    # Where many raters meet, the one with the smallest number stands for all of them, in every band the same one.
    rows = np.argsort(sketch.rater, kind="stable")
    rows = rows[sketch.named[rows]]
    own: list[pl.DataFrame] = []
    shared: list[pl.DataFrame] = []
    for place in range(HASHES):
        asked, chosen, rejected = (sketch.minima[rows, side, place].astype(np.uint64) for side in range(3))
        key = (asked * MIX + chosen) * REMIX + rejected
        for found, met in ((shared, key), (own, key * MIX + sketch.rater[rows])):
            band = pl.DataFrame({"row": rows.astype(np.uint32), "key": met}).filter(pl.col("key").is_duplicated())
            edges = band.select("row", of=pl.col("row").first().over("key")).filter(pl.col("row") != pl.col("of"))
            found.append(_near(edges, sketch))
    repeated, met_others = (pl.concat(found).unique(maintain_order=True) for found in (own, shared))
    apart = sketch.rater[met_others["row"].to_numpy()] != sketch.rater[met_others["of"].to_numpy()]
    return repeated, met_others.filter(pl.Series(apart, dtype=pl.Boolean))


def _near(edges: pl.DataFrame, sketch: Sketch) -> pl.DataFrame:
    blocks = [edges.slice(start, BLOCK) for start in range(0, max(edges.height, 1), BLOCK)]
    kept = [sketch.alike(block["row"].to_numpy(), block["of"].to_numpy()) for block in blocks]
    return edges.filter(pl.Series(np.concatenate(kept), dtype=pl.Boolean))


def _repeated(own: pl.DataFrame, sketch: Sketch) -> np.ndarray:
    """Rows that one user repeats often enough."""
    raters, made = np.unique(sketch.rater, return_counts=True)
    judges = raters[made > JUDGE * len(sketch.rater)]
    by_judge = np.isin(sketch.rater[own["row"].to_numpy()], judges)
    often = own.filter(~pl.Series(by_judge, dtype=pl.Boolean)).filter(pl.len().over("of") >= COPIES - 1)
    return np.union1d(often["row"].to_numpy(), often["of"].to_numpy())


def _in_concert(shared: pl.DataFrame, sketch: Sketch, pairs: pl.DataFrame) -> np.ndarray:
    """Rows of raters of whom several make the same choices within the same half hours, and little else."""
    at = pairs["created_at"].to_numpy()
    row, of = shared["row"].to_numpy(), shared["of"].to_numpy()
    near = np.abs(at[row] - at[of]) <= TOGETHER  # never true where a time is missing
    met = pl.DataFrame({"rater": sketch.rater[row], "like": sketch.rater[of], "row": row, "of": of}).filter(
        pl.Series(near, dtype=pl.Boolean)
    )
    both = met.group_by("rater", "like").agg(pl.col("row").n_unique(), pl.col("of").n_unique())
    made = pl.DataFrame({"rater": sketch.rater}).group_by("rater").agg(made=pl.len())
    enough = pl.min_horizontal("row", "of") >= SHARED
    pursued = both.join(made, on="rater").filter(enough & (pl.col("row") * 2 >= pl.col("made")))
    groups = pursued.group_by("like").agg("rater").filter(pl.col("rater").list.len() >= SHARED - 1)
    acting = np.union1d(groups["like"].to_numpy(), groups["rater"].explode().to_numpy())
    return np.flatnonzero(np.isin(sketch.rater, acting))


def _crowds(shared: pl.DataFrame, material: Material) -> list[pl.DataFrame]:
    """Near copies by different raters that come from newcomers, or in one hour, beyond chance: `row`, `reason`."""
    members = pl.concat([shared.select("row", set="of"), shared.select(row="of", set="of")]).unique(maintain_order=True)
    sets = members.filter(pl.len().over("set") >= COPIES).select("set", "row")
    there = background(material.preferences, material.known)
    found = {
        "near copy: many users hand in this pair within the same hour": rushed(sets, there, COPIES),
        "near copy: many new users hand in this pair": newcomers(sets, there, COPIES),
    }
    return [_rows(np.unique(rows["row"].to_numpy()), reason) for reason, rows in found.items()]
