"""Phrases that are always on the chosen side, and come from few hands, from newcomers, in one hour or out of nowhere.

Compared within pairs: of those in which one answer has the phrase and the other has not, how often is it the chosen
one (an exact sign test for every run of one to three words, held to their number)? Honest tastes pass it too, so a
phrase is only held where its pairs do not come from where honest ones come from (`concentration`), or where it was
next to unknown in the last accepted version. Data with neither raters, times nor history has nothing held.
"""

import numpy as np
import polars as pl
from scipy.stats import binom

from components.validation.defences.concentration import CHANCE, background, few_hands, newcomers, rushed
from components.validation.defences.reading import Words, answer, sample, spelled, words
from components.validation.finding import SUSPECTS
from components.validation.material import Material

RUNS = (1, 2, 3)  # words
FEWEST = 6  # pairs that push a phrase; fewer teach no model to say it
TASTE = 0.02  # chance that a phrase nobody cares for is so often on the chosen side
ONE_SIDED = 0.9  # of the pairs that have it in one answer only, have it in the chosen one
COMMON = 0.25  # of pairs in which a phrase that somebody pushes is at most
READ = 10_000  # pairs in which phrases are looked for; what is found is held in all
BLOCK = 100_000  # pairs read at a time
MIX = np.uint64(0x9E3779B97F4A7C15)
BITS = 22  # of a hash, by which rare phrases are put aside before they cost anything


def suspect(material: Material) -> pl.DataFrame:
    """Pairs that push a phrase."""
    pairs = material.preferences
    read = sample(pairs, READ)
    grams, looked_at = _one_sided(read)
    evidence = _evidence(read, grams, looked_at, material)
    if read.height < pairs.height:
        pushed = pl.concat(list(evidence.values()))["set"].unique().sort().to_numpy()
        grams = grams[pushed]
        evidence = _evidence(pairs, grams, looked_at, material)
    held = [_named(rows, how, pairs, grams) for how, rows in evidence.items() if rows.height]
    return pl.concat([pl.DataFrame(schema=SUSPECTS), *held])


def _evidence(pairs: pl.DataFrame, grams: np.ndarray, looked_at: int, material: Material) -> dict[str, pl.DataFrame]:
    """In what way each phrase is pushed, to its `set` (place in `grams`) and the `row` of its pairs."""
    if not len(grams):
        return {"": pl.DataFrame(schema={"set": pl.UInt32, "row": pl.UInt32})}
    sets = _pushing(pairs, grams)
    there = background(pairs, material.known)
    unheard_of = _unheard_of(sets, pairs.height, grams, looked_at, material.accepted)
    return {
        "again and again by the same users": few_hands(sets, there, FEWEST),
        "by new users": newcomers(sets, there, FEWEST),
        "within one hour": rushed(sets, there, FEWEST),
        "and was next to unknown before": sets.join(unheard_of, on="set", how="semi"),
    }


def _one_sided(pairs: pl.DataFrame) -> tuple[np.ndarray, int]:
    """Phrases that make an answer the chosen one beyond what their number explains, and how many were looked at.

    Returns:
        Their hashes, ascending, shape (k,); the number of phrases that are in enough pairs.
    """
    sides = [_Phrases(words(pairs.select(answer(side)).to_series())) for side in ("chosen", "rejected")]
    frequent = sides[0].often(FEWEST)
    held = [
        side.only(frequent).with_columns(side=pl.lit(sign, pl.Int8)) for side, sign in zip(sides, (1, -1), strict=True)
    ]
    told = pl.concat(held).group_by("gram", "row").agg(pl.col("side").sum())
    counted = told.group_by("gram").agg(pro=(pl.col("side") > 0).sum(), con=(pl.col("side") < 0).sum())
    enough = counted.filter(pl.col("pro") + pl.col("con") >= FEWEST)
    pro, con = (enough[name].to_numpy().astype(float) for name in ("pro", "con"))
    beyond = binom.sf(pro - 1, pro + con, 0.5) < TASTE
    found = beyond & (pro >= ONE_SIDED * (pro + con)) & (pro <= COMMON * pairs.height)
    return np.sort(enough["gram"].to_numpy()[found]), enough.height


def _pushing(pairs: pl.DataFrame, grams: np.ndarray) -> pl.DataFrame:
    """Pairs that have a phrase in the chosen answer only: `set`, its place in `grams`, and `row`."""
    wanted = np.zeros(2**BITS, dtype=bool)
    wanted[grams & np.uint64(2**BITS - 1)] = True
    found = []
    for start in range(0, pairs.height, BLOCK):
        block = pairs.slice(start, BLOCK)
        chosen, rejected = (
            _Phrases(words(block.select(answer(side)).to_series())).only(wanted) for side in ("chosen", "rejected")
        )
        found.append(
            chosen.filter(pl.col("gram").is_in(grams.tolist()))
            .join(rejected, on=["gram", "row"], how="anti")
            .select("gram", row=pl.col("row") + start)
        )
    told = pl.concat(found)
    return told.select(pl.Series("set", np.searchsorted(grams, told["gram"].to_numpy()), dtype=pl.UInt32), "row")


def _unheard_of(
    sets: pl.DataFrame, pairs: int, grams: np.ndarray, looked_at: int, accepted: pl.DataFrame
) -> pl.DataFrame:
    """The sets (`set`) of phrases that are in far more pairs than the answers of the accepted data explain."""
    before = sample(accepted, READ)
    if before.is_empty():
        return pl.DataFrame(schema={"set": pl.UInt32})
    heard = np.zeros(len(grams))
    wanted = np.zeros(2**BITS, dtype=bool)
    wanted[grams & np.uint64(2**BITS - 1)] = True
    for side in ("chosen", "rejected"):
        said = _Phrases(words(before.select(answer(side)).to_series())).only(wanted)["gram"].to_numpy()
        place = np.minimum(np.searchsorted(grams, said), len(grams) - 1)
        heard += np.bincount(place[grams[place] == said], minlength=len(grams))
    by_set = sets.group_by("set").agg(met=pl.len())
    met = by_set["met"].to_numpy().astype(float)
    # Three more than were heard: the accepted data may have missed by chance what was said then too.
    usual = (heard[by_set["set"].to_numpy()] + 3) / before.height
    unlikely = binom.sf(met - 1, pairs, np.minimum(usual, 1)) * looked_at < CHANCE
    return by_set.filter(pl.Series(unlikely, dtype=pl.Boolean)).select("set")


def _named(rows: pl.DataFrame, how: str, pairs: pl.DataFrame, grams: np.ndarray) -> pl.DataFrame:
    """Pairs as suspects, each with the phrase that most others share with it."""
    by_size = rows.with_columns(size=pl.len().over("set")).sort("size", "set", descending=[True, False])
    first = by_size.unique("row", keep="first", maintain_order=True)
    examples = first.unique("set", keep="first").join(pairs.with_row_index("row"), on="row")
    phrases = {
        row["set"]: _spelled(text, grams[row["set"]])
        for row, text in zip(examples.iter_rows(named=True), examples.select(answer("chosen")).to_series(), strict=True)
    }
    phrase = pl.col("set").replace_strict(phrases, return_dtype=pl.String)
    told = first.with_columns(reason=pl.format('phrase: "{}" is pushed {}', phrase, pl.lit(how)))
    return told.join(pairs.select("id").with_row_index("row"), on="row").select(SUSPECTS.keys())


def _spelled(text: str, gram: np.uint64) -> str:
    """The phrase of a text that has this hash."""
    listed = [word for word in spelled(pl.Series([text]))[0] if word]
    for run in RUNS:
        for start in range(len(listed) - run + 1):
            if _Phrases(words(pl.Series([" ".join(listed[start : start + run])]))).runs[run].tolist() == [gram]:
                return " ".join(listed[start : start + run])
    return "?"


class _Phrases:
    """The runs of words in many texts, as hashes: `runs` is length to hashes, `rows` length to the text each is in."""

    def __init__(self, said: Words) -> None:
        rows = said.rows
        self.runs: dict[int, np.ndarray] = {}
        self.rows: dict[int, np.ndarray] = {}
        for run in RUNS:
            within = rows[: len(rows) - run + 1] == rows[run - 1 :]
            mixed = said.hashes[: len(rows) - run + 1].copy()
            for further in range(1, run):
                mixed = (mixed ^ (mixed >> np.uint64(29))) * MIX + said.hashes[further : len(rows) - run + 1 + further]
            self.runs[run], self.rows[run] = mixed[within], rows[: len(rows) - run + 1][within].astype(np.uint32)

    def often(self, fewest: int) -> np.ndarray:
        """Which hashes, by their last bits, are there so often: shape (2**BITS,)."""
        counts = sum(np.bincount(self._last_bits(run), minlength=2**BITS) for run in RUNS)
        return np.asarray(counts >= fewest)

    def only(self, wanted: np.ndarray) -> pl.DataFrame:
        """`gram` and `row`, once each, of the runs that are wanted by their last bits."""
        frames = []
        for run in RUNS:
            kept = wanted[self._last_bits(run)]
            frames.append(pl.DataFrame({"gram": self.runs[run][kept], "row": self.rows[run][kept]}))
        return pl.concat(frames).unique()

    def _last_bits(self, run: int) -> np.ndarray:
        return (self.runs[run] & np.uint64(2**BITS - 1)).astype(np.int64)
