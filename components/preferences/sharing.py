"""Shares preferences out to sides. A prompt and its near duplicates are on one, and stay there as data grows.

Everything follows from the preferences in the order they landed: the same version has the same sides on every machine.
What is remembered in between only makes it quicker; but where near duplicates come to be looked up by other signatures,
which find one more or less in ten thousand, those that have a side keep it. What was said is read a piece at a time, so
the preferences may be larger than memory; of each of them some hundred bytes are kept.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from components.config.settings import Split
from components.preferences.likeness import BANDS, SIGNATURE, bands, near_pairs
from components.preferences.placing import TEST, TRAIN, VALIDATION, WITHHELD, Places, place
from components.preferences.recency import newest_after
from components.records.identity import BLOCK, fingerprint, sha256
from components.records.messages import asked, text_of
from components.records.schemas import Preference, empty
from components.records.words import words_of
from components.workspace import files
from components.workspace.ahead import ahead

GENERATION = 1
"""Raised when what is remembered would come out otherwise."""

VERSION = pl.__version__
"""The hash of a word, by which near duplicates are looked up, is the same only for the same version of Polars."""

NAMED: dict[str, pl.DataType] = {"id": pl.String(), "prompt": pl.UInt64()}
LOOKED_UP: dict[str, pl.DataType] = {"prompt": pl.UInt64(), "bands": pl.Array(pl.UInt32, BANDS)}
PLACED: dict[str, pl.DataType] = {
    "prompt": pl.UInt64(),
    "stratum": pl.String(),
    "side": pl.Int8(),
    "joined": pl.Int64(),
    "drawn": pl.Boolean(),
}

SPREAD = 20_000  # prompts

SIDES = ("train", "validation", "test", "newest", "withheld")


def share_out(preferences: Sequence[pl.LazyFrame], shares: Split, memory: Path | None = None) -> pl.DataFrame:
    """Find the side of every preference.

    Args:
        preferences: records of `Preference` in the order they landed, in any number of frames.
        shares: as `splitting.split` takes them.
        memory: as `splitting.split` takes it.

    Returns:
        A row for each, in their order: `id`, `side` (one of `SIDES`), and
        `group`, the same for prompts that are near duplicates.
    """
    said = _Said(preferences)
    rows = _prompts(said, memory)
    about = ("source", "group", "created_at")
    rows = rows.hstack(
        pl.concat([empty(Preference).select(about), *(frame.select(about).collect() for frame in preferences)])
    )
    stratum = pl.struct("source", "group").struct.json_encode()
    distinct = (
        rows.with_row_index("row")
        .unique("prompt", keep="first", maintain_order=True)
        .select("row", "prompt", stratum=stratum)
    )
    places = _places(said, distinct, shares, memory)
    placed = distinct.select("prompt", place=pl.Series(places.side, dtype=pl.Int8), group=places.groups)
    after = newest_after(rows["created_at"], shares.newest)
    rows = rows.select("id", "prompt", "created_at").join(placed, on="prompt", how="left", maintain_order="left")
    late = pl.lit(False) if after is None else (pl.col("created_at") > after).fill_null(False)
    trains = pl.col("place") == TRAIN
    named = {VALIDATION: "validation", TEST: "test", WITHHELD: "withheld"}
    other = pl.col("place").replace_strict(named, default="train", return_dtype=pl.String)
    return rows.select(
        "id",
        side=pl.when(trains & late.all().over("group")).then(pl.lit("newest")).otherwise(other),
        group="group",
    )


def prompt_groups(preferences: pl.DataFrame) -> pl.Series:
    """Name the prompt of each: the same where users say the same, but for case, spacing and punctuation.

    Returns:
        64 hex characters a row, shape (n,).
    """
    return _names(_what_is_asked(preferences))


def _names(said: pl.Series) -> pl.Series:
    named = said.unique(maintain_order=True).to_frame("said").select("said", words=words_of(pl.col("said")))
    named = named.select("said", name=sha256(named["words"]))
    return said.to_frame("said").join(named, on="said", how="left", maintain_order="left")["name"]


def _what_is_asked(preferences: pl.DataFrame) -> pl.Series:
    return preferences.select(pl.coalesce(asked(pl.col("prompt")), text_of(pl.col("prompt")))).to_series()


class _Said:
    """What users say, read where it is needed.

    Attributes:
        frames: the preferences.
        pieces: index of the first preference of each piece, how many it has, and the piece.
    """

    def __init__(self, frames: Sequence[pl.LazyFrame]) -> None:
        self.frames = frames
        self.pieces: list[tuple[int, int, pl.LazyFrame]] = []
        first = 0
        for frame in frames:
            height = frame.select(pl.len()).collect().item()
            for start in range(0, height, BLOCK):
                count = min(BLOCK, height - start)
                self.pieces.append((first + start, count, frame.select("prompt").slice(start, count)))
            first += height

    def at(self, rows: np.ndarray) -> pl.Series:
        """What the user says in some preferences, by their ascending indices, shape (n,)."""
        return pl.concat([pl.Series("prompt", [], pl.String), *(read() for read in self.readers(rows))])

    def readers(self, rows: np.ndarray) -> list[Callable[[], pl.Series]]:
        """The same in pieces, each read when it is called for."""
        ends = np.searchsorted(rows, [first + count for first, count, _ in self.pieces])
        begins = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
        wanted = zip(self.pieces, begins, ends, strict=True)
        return [_reader(piece, rows[begin:end] - first) for (first, _, piece), begin, end in wanted if end > begin]


def _reader(piece: pl.LazyFrame, rows: np.ndarray) -> Callable[[], pl.Series]:
    return lambda: _what_is_asked(piece.collect()[rows])


def _prompts(said: _Said, memory: Path | None) -> pl.DataFrame:
    """`id` and a 64-bit name for the `prompt` of each preference, shape (n, 2)."""
    file = memory / f"rows-{GENERATION}.parquet" if memory else None
    known = _remembered(file, NAMED)
    ids = pl.concat([pl.DataFrame(schema={"id": pl.String}), *(frame.select("id").collect() for frame in said.frames)])
    named = ids.join(known, on="id", how="left", maintain_order="left")
    new = np.flatnonzero(named["prompt"].is_null().to_numpy())
    names = ahead(lambda read: _names(read()).str.slice(0, 16), said.readers(new))
    found = pl.concat([pl.Series([], dtype=pl.String), *names]).str.to_integer(base=16, dtype=pl.UInt64)
    named = named.with_columns(named["prompt"].scatter(new, found))
    if len(new) or known.height > named.height:
        _remember(file, named.unique("id", maintain_order=True))
    return named


def _places(said: _Said, distinct: pl.DataFrame, shares: Split, memory: Path | None) -> Places:
    """Where each distinct prompt goes, taking up where the last time ended."""
    at = fingerprint(GENERATION, VERSION, shares.test, shares.validation)
    file = memory / f"places-{at}.parquet" if memory else None
    known = _remembered(file, PLACED)
    # Where something was taken out in between, or an earlier version is shared out, all goes from the beginning.
    if not distinct.head(known.height).select("prompt", "stratum").equals(known.select("prompt", "stratum")):
        known = known.clear()
    if known.height == distinct.height:
        return _read(known)
    first_rows = distinct["row"].to_numpy()

    def texts_at(indices: np.ndarray) -> pl.Series:
        return said.at(first_rows[indices]).to_frame("said").select(words_of(pl.col("said"))).to_series()

    looked_up = _bands(distinct["prompt"], texts_at, memory)
    places = place(
        _read(known),
        distinct["prompt"].to_numpy() / 2.0**64,
        distinct["stratum"].to_list(),
        near_pairs(looked_up, known.height, texts_at),
        shares,
    )
    _remember(file, pl.DataFrame({**distinct.select("prompt", "stratum").to_dict(), **vars(places)}, schema=PLACED))
    return places


def _read(known: pl.DataFrame) -> Places:
    return Places(known["side"].to_list(), known["joined"].to_list(), known["drawn"].to_list())


def _bands(prompts: pl.Series, texts_at: Callable[[np.ndarray], pl.Series], memory: Path | None) -> np.ndarray:
    """`bands` of each distinct prompt, shape (n, BANDS)."""
    file = memory / f"bands-{fingerprint(GENERATION, VERSION, SIGNATURE)}.parquet" if memory else None
    known = _remembered(file, LOOKED_UP)
    rows = prompts.to_frame("prompt").join(known.with_row_index("at"), on="prompt", how="left", maintain_order="left")
    found = np.empty((len(prompts), BANDS), np.uint32)
    new, old = rows["at"].is_null().to_numpy(), rows["at"].drop_nulls().to_numpy()
    found[~new] = known["bands"].to_numpy()[old]
    # Some at a time, because all words of a million prompts, one by one, are gigabytes.
    fresh = np.flatnonzero(new)
    blocks = [fresh[start : start + SPREAD] for start in range(0, len(fresh), SPREAD)]
    for block, looked_up in zip(blocks, ahead(lambda block: bands(texts_at(block)), blocks), strict=True):
        found[block] = looked_up
    if len(fresh) or len(prompts) < known.height:
        _remember(file, pl.DataFrame({"prompt": prompts, "bands": found}, schema=LOOKED_UP))
    return found


def _remembered(file: Path | None, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.read_parquet(file) if file and file.exists() else pl.DataFrame(schema=schema)


def _remember(file: Path | None, frame: pl.DataFrame) -> None:
    if file:
        files.place(file, lambda aside: frame.write_parquet(aside, compression="lz4"))
