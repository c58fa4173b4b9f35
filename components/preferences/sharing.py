"""Shares preferences out to sides. A prompt and its near duplicates are on one, and stay there as data grows.

Everything follows from the preferences in the order they landed: the same version has the same sides on every machine.
What is remembered in between only makes it quicker; but where near duplicates come to be looked up by other signatures,
which find one more or less in ten thousand, those that have a side keep it. What was said, and what near duplicates are
found by, is read a piece at a time, so it may be larger than memory; of each preference some fifty bytes are held.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from components.config.settings import Split
from components.preferences.likeness import BANDS, PIECE, SIGNATURE, bands, near_before
from components.preferences.placing import TEST, TRAIN, VALIDATION, WITHHELD, Places, place
from components.preferences.recency import newest_after
from components.preferences.said import Said
from components.preferences.shingles import KeptSets, Sets, sets_of
from components.records.identity import fingerprint, sha256
from components.records.messages import asked, text_of
from components.records.words import words_of
from components.workspace import files
from components.workspace.ahead import ahead

GENERATION = 1
"""Raised when what is remembered would come out otherwise."""

VERSION = pl.__version__
"""The hash of a word, by which near duplicates are looked up, is the same only for the same version of Polars."""

NAMED: dict[str, pl.DataType] = {"id": pl.UInt64(), "prompt": pl.UInt64()}
PLACED: dict[str, pl.DataType] = {
    "prompt": pl.UInt64(),
    "stratum": pl.String(),
    "side": pl.Int8(),
    "joined": pl.Int64(),
    "drawn": pl.Boolean(),
}

NEWEST = 4
NAMES = {TRAIN: "train", VALIDATION: "validation", TEST: "test", NEWEST: "newest", WITHHELD: "withheld"}
SIDES = tuple(NAMES.values())


def share_out(preferences: Sequence[pl.LazyFrame], shares: Split, memory: Path | None = None) -> pl.DataFrame:
    """Find the side of every preference.

    Args:
        preferences: records of `Preference` in the order they landed, in any number of frames.
        shares: as `splitting.split` takes them.
        memory: as `splitting.split` takes it.

    Returns:
        A row for each, in their order: `side` (one of `SIDES`), and `group`, the same for prompts that are near
        duplicates.
    """
    if memory:
        with files.folder_aside(memory) as aside:
            return _shared_out(Said(preferences), shares, memory, aside)
    with tempfile.TemporaryDirectory() as aside_from_all:
        return _shared_out(Said(preferences), shares, Path(aside_from_all), Path(aside_from_all))


def _shared_out(said: Said, shares: Split, memory: Path, aside: Path) -> pl.DataFrame:
    distinct, firsts, number = _distinct(_prompts(said, memory))
    places = _places(said, distinct, firsts, shares, memory, aside)
    side, group = places.side[number], places.groups[number]
    # The newest are those of whose whole group none is older.
    old = np.zeros(len(distinct), bool)
    old[group[~_late(said, shares)]] = True
    side[(side == TRAIN) & ~old[group]] = NEWEST
    return pl.DataFrame({"side": side, "group": group}).with_columns(
        pl.col("side").replace_strict(NAMES, return_dtype=pl.Enum(SIDES))
    )


def _distinct(prompts: pl.Series) -> tuple[pl.Series, np.ndarray, np.ndarray]:
    """The distinct prompts in the order they came, index of the first of each, and the number of each among them."""
    distinct = prompts.unique(maintain_order=True)
    numbered = distinct.to_frame().with_row_index("number")
    number = prompts.to_frame().join(numbered, on="prompt", how="left", maintain_order="left")["number"]
    return distinct, prompts.arg_unique().to_numpy(), number.to_numpy()


def _late(said: Said, shares: Split) -> np.ndarray:
    """Whether each preference is among the newest, shape (n,)."""
    created = said.at(np.arange(said.count), "created_at")["created_at"]
    after = newest_after(created, shares.newest)
    return np.zeros(said.count, bool) if after is None else (created > after).fill_null(False).to_numpy()


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


def _prompts(said: Said, memory: Path) -> pl.Series:
    """A 64-bit name for the prompt of each preference, shape (n,)."""
    file = memory / f"rows-{GENERATION}.parquet"
    known = _remembered(file, NAMED)
    of_ids = (_numbers(read()["id"]) for read in said.readers(np.arange(said.count), "id"))
    ids = pl.concat([known["id"].clear(), *of_ids])
    same = _alike(known["id"], ids)
    new = said.readers(np.arange(same, said.count), "prompt")
    named = ahead(lambda read: _numbers(_names(_what_is_asked(read()))), new)
    prompts = pl.concat([known["prompt"].head(same), *named])
    if not same == known.height == said.count:
        _remember(file, iter([pl.DataFrame({"id": ids, "prompt": prompts})]))
    return prompts


def _numbers(names: pl.Series) -> pl.Series:
    """The first 64 bits of names in hex, which tell them apart and take a sixth of the memory."""
    return names.str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)


def _alike(known: pl.Series, found: pl.Series) -> int:
    """How many are the same from the first on. What comes after something that was taken out counts as new."""
    both = min(len(known), len(found))
    different = (known.head(both) != found.head(both)).arg_true()
    return int(different[0]) if len(different) else both


def _places(said: Said, prompts: pl.Series, firsts: np.ndarray, shares: Split, memory: Path, aside: Path) -> Places:
    """Where each distinct prompt goes, taking up where the last time ended.

    Args:
        said: the preferences.
        prompts: the distinct prompts, in the order they came, shape (n,).
        firsts: index of the first preference that has each, shape (n,).
        shares: as `splitting.split` takes them.
        memory: a folder to remember in.
        aside: a folder for what nobody remembers.
    """
    at = fingerprint(GENERATION, VERSION, shares.test, shares.validation)
    file = memory / f"places-{at}.parquet"
    known = _remembered(file, PLACED)
    strata = said.at(firsts, "source", "group").select(stratum=pl.struct(pl.all()).struct.json_encode())
    distinct = strata.select(prompts, "stratum")
    # Where something was taken out in between, or an earlier version is shared out, all goes from the beginning.
    if not distinct.head(known.height).equals(known.select(distinct.columns)):
        known = known.clear()
    places = Places(*(known[name].to_numpy() for name in ("side", "joined", "drawn")))
    if known.height == distinct.height:
        return places

    def texts_of(piece: int) -> pl.Series:
        spoken = _what_is_asked(said.at(firsts[piece * PIECE : (piece + 1) * PIECE], "prompt"))
        return spoken.to_frame("said").select(words_of(pl.col("said"))).to_series()

    sets = KeptSets(aside, texts_of)
    looked_up = pq.ParquetFile(_looked_up(prompts, texts_of, sets, memory))

    def band_of(number: int) -> np.ndarray:
        return np.asarray(looked_up.read([str(number)]).column(0))

    near = near_before(band_of, known.height, distinct.height, sets, aside)
    numbers = distinct["stratum"].rank("dense").to_list()
    places = place(places, prompts.to_numpy() / 2.0**64, numbers, near, shares)
    _remember(file, iter([distinct.with_columns(**{name: pl.Series(row) for name, row in vars(places).items()})]))
    return places


def _looked_up(prompts: pl.Series, texts_of: Callable[[int], pl.Series], sets: KeptSets, memory: Path) -> Path:
    """Keep the sets of new prompts, and write what all are looked up by into a file: `prompt`, and a column a band."""
    file = memory / f"bands-{fingerprint(GENERATION, VERSION, SIGNATURE, BANDS)}.parquet"
    known = pl.read_parquet(file, columns=["prompt"])["prompt"] if file.exists() else prompts.clear()
    same = _alike(known, prompts)
    if same == len(known) == len(prompts):
        return file

    def read(piece: int) -> tuple[pl.DataFrame, Sets]:
        texts = texts_of(piece)
        found = pl.DataFrame(bands(texts), schema=[str(number) for number in range(BANDS)])
        begin = piece * PIECE
        named = found.insert_column(0, prompts[begin : begin + PIECE])
        return named[max(same - begin, 0) :], sets_of(texts)

    def all_bands() -> Iterator[pl.DataFrame]:
        for begin in range(0, same, PIECE):
            yield pl.scan_parquet(file).slice(begin, min(PIECE, same - begin)).collect()
        pieces = range(same // PIECE, -(-len(prompts) // PIECE))
        for piece, (found, made) in zip(pieces, ahead(read, pieces), strict=True):
            sets.keep(piece, made)
            yield found

    _remember(file, all_bands())
    return file


def _remembered(file: Path, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    frame = pl.read_parquet(file) if file.exists() else pl.DataFrame(schema=schema)
    # What an earlier heed remembered may have another form.
    return frame if frame.schema == schema else pl.DataFrame(schema=schema)


def _remember(file: Path, frames: Iterator[pl.DataFrame]) -> None:
    """Write frames, of which there is at least one, below each other into a file."""

    def write(aside: Path) -> None:
        first = next(frames).to_arrow()
        with pq.ParquetWriter(aside, first.schema, compression="lz4") as writer:
            for table in chain([first], (frame.to_arrow() for frame in frames)):
                writer.write_table(table)

    files.place(file, write)
