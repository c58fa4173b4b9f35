"""Shares preferences out to sides. A prompt and its near duplicates are on one, and stay there as data grows.

Everything follows from the preferences in the order they landed: the same version has the same sides on every machine.
What is remembered in between only makes it quicker.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from components.config.settings import Split
from components.preferences.likeness import BANDS, bands, near_pairs
from components.preferences.placing import TEST, TRAIN, VALIDATION, WITHHELD, Places, place
from components.preferences.recency import newest_after
from components.records.identity import BLOCK, fingerprint, sha256
from components.records.messages import asked, text_of
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


@dataclass(frozen=True)
class Sides:
    """The sides of a dataset version, each records of `Preference` in the order they landed.

    A preference stays on the side it is on, with two exceptions. `newest` is held out from training only as long as it
    is the newest, and is trained on later; what was on another side never becomes newest. And what is found to be in an
    evaluation set is withheld from then on.

    Attributes:
        train: what models learn from.
        validation: what stops and calibrates them.
        test: what measures them; nothing is ever trained on it.
        newest: what would be trained on, were it not all newer than nearly everything; no prompt in it is like one
            of training. Measures models too: on what users begin to ask.
        withheld: prompts that are like one on two other sides, and what is in an evaluation set. On no side.
        reasons: `id` of every preference that is withheld, and `reason`: why; one may have several.
        groups: `id` of every preference and `group`, the same for prompts that are near duplicates.
    """

    train: pl.DataFrame
    validation: pl.DataFrame
    test: pl.DataFrame
    newest: pl.DataFrame
    withheld: pl.DataFrame
    reasons: pl.DataFrame
    groups: pl.DataFrame

    @property
    def named(self) -> dict[str, pl.DataFrame]:
        """Name of each side to its preferences."""
        return {"train": self.train, "validation": self.validation, "test": self.test, "newest": self.newest}

    @property
    def sizes(self) -> dict[str, int]:
        """How many preferences are on each side, and on none."""
        return {name: side.height for name, side in (self.named | {"withheld": self.withheld}).items()}

    @property
    def seen(self) -> pl.DataFrame:
        """All that may shape a model: training, then validation."""
        return pl.concat([self.train, self.validation])

    def groups_of(self, preferences: pl.DataFrame) -> pl.Series:
        """The group of each of some preferences, shape (n,)."""
        return preferences.select("id").join(self.groups, on="id", how="left", maintain_order="left")["group"]

    def without(self, found: pl.DataFrame) -> "Sides":
        """The same, but what may shape a model holds nothing of what was found: that is withheld.

        Args:
            found: `id` of a preference and `reason`; those on other sides stay there.
        """
        kept_out = pl.col("id").is_in(found["id"].implode())
        withheld = self.seen.filter(kept_out)
        return replace(
            self,
            train=self.train.filter(~kept_out),
            validation=self.validation.filter(~kept_out),
            withheld=pl.concat([self.withheld, withheld]),
            reasons=pl.concat([self.reasons, found.join(withheld, on="id", how="semi", maintain_order="left")]),
        )


def split(preferences: pl.DataFrame, shares: Split, memory: Path | None = None) -> Sides:
    """Share out.

    Args:
        preferences: records of `Preference` in the order they landed.
        shares: of each side. Test and validation have theirs of the prompt groups of every source and user group, which
            one being said by the first preference of a group.
        memory: a folder to remember in what a prompt is looked up by, and where it went; what is new is then all that
            takes time.
    """
    prompt = _prompts(preferences, memory)
    columns = pl.struct("source", "group").struct.json_encode().alias("stratum")
    distinct = (
        preferences.select(columns, prompt=prompt)
        .with_row_index("row")
        .unique("prompt", keep="first", maintain_order=True)
    )
    places = _places(preferences, distinct, shares, memory)
    placed = distinct.select("prompt", side=pl.Series(places.side, dtype=pl.Int8), group=places.groups)
    rows = pl.DataFrame({"prompt": prompt, "created_at": preferences["created_at"]}).join(
        placed, on="prompt", how="left", maintain_order="left"
    )
    side, train = pl.col("side"), pl.col("side") == TRAIN
    after = newest_after(preferences["created_at"], shares.newest)
    late = pl.lit(False) if after is None else (pl.col("created_at") > after).fill_null(False)
    newest = train & late.all().over("group")
    where = rows.select(
        train=train & ~newest,
        validation=side == VALIDATION,
        test=side == TEST,
        newest=newest,
        withheld=side == WITHHELD,
    )
    frames = {name: preferences.filter(where[name]) for name in where.columns}
    return Sides(
        **frames,
        reasons=frames["withheld"].select("id", reason=pl.lit("its prompt is like prompts on two different sides")),
        groups=pl.DataFrame({"id": preferences["id"], "group": rows["group"]}).unique("id", maintain_order=True),
    )


def prompt_groups(preferences: pl.DataFrame) -> pl.Series:
    """Name the prompt of each: the same where users say the same, but for case, spacing and punctuation.

    Returns:
        64 hex characters a row, shape (n,).
    """
    said = _said(preferences)
    named = said.unique(maintain_order=True).to_frame("said").select("said", words=words_of(pl.col("said")))
    named = named.select("said", name=sha256(named["words"]))
    return said.to_frame("said").join(named, on="said", how="left", maintain_order="left")["name"]


def _said(preferences: pl.DataFrame) -> pl.Series:
    return preferences.select(pl.coalesce(asked(pl.col("prompt")), text_of(pl.col("prompt")))).to_series()


def _prompts(preferences: pl.DataFrame, memory: Path | None) -> pl.Series:
    """A 64-bit name for the prompt of each, shape (n,)."""
    file = memory / f"rows-{GENERATION}.parquet" if memory else None
    known = _remembered(file, NAMED)
    ids = preferences.select("id").with_row_index("row")
    new = ids.join(known, on="id", how="anti", maintain_order="left").unique("id", maintain_order=True)
    # Some at a time, because all that a million users said, once more, is gigabytes.
    blocks = ahead(lambda rows: prompt_groups(preferences[rows["row"]]), new.iter_slices(BLOCK))
    names = pl.concat([pl.Series([], dtype=pl.String), *blocks]).str.slice(0, 16)
    named = pl.concat([known, new.select("id", prompt=names.str.to_integer(base=16, dtype=pl.UInt64))])
    found = preferences.select("id").join(named, on="id", how="left", maintain_order="left")
    if new.height or known.height > found.height:
        _remember(file, found.unique("id", maintain_order=True))
    return found["prompt"]


def _places(preferences: pl.DataFrame, distinct: pl.DataFrame, shares: Split, memory: Path | None) -> Places:
    """Where each distinct prompt goes, taking up where the last time ended."""
    at = fingerprint(GENERATION, VERSION, shares.test, shares.validation)
    file = memory / f"places-{at}.parquet" if memory else None
    known = _remembered(file, PLACED)
    # Where something was taken out in between, or an earlier version is shared out, all goes from the beginning.
    if not distinct.head(known.height).select("prompt", "stratum").equals(known.select("prompt", "stratum")):
        known = known.clear()
    if known.height == distinct.height:
        return _read(known)

    def texts_at(indices: np.ndarray) -> pl.Series:
        said = _said(preferences[distinct["row"].gather(indices)])
        return said.to_frame("said").select(words_of(pl.col("said"))).to_series()

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
    file = memory / f"bands-{fingerprint(GENERATION, VERSION)}.parquet" if memory else None
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
