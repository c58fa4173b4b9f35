"""Reads what is said in pairs as words, and words as numbers. Knows nothing of what is looked for in them."""

import string
from dataclasses import dataclass

import numpy as np
import polars as pl

from components.records.messages import text_of

UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}])"
BOUNDARY = r"[^\p{L}\p{M}\p{N}]+"
SIGNS = [*string.punctuation, "\t", "\n", "\r"]
READ = 600  # characters of a text; who copies or pushes something does it where it is read


@dataclass(frozen=True)
class Words:
    """The words of many texts, one after the other.

    Attributes:
        hashes: of the words, shape (words,).
        starts: where each text begins, shape (n,); every text has at least one word.
    """

    hashes: np.ndarray
    starts: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """Which text each word is in: shape (words,)."""
        return np.repeat(np.arange(len(self.starts)), np.diff(self.starts, append=len(self.hashes)))


def plain(text: pl.Expr) -> pl.Expr:
    """A column of texts without what makes the same words look different: case, width, signs that are not seen."""
    # Most texts are ASCII, and what is null costs nothing.
    foreign = pl.when(text.str.len_bytes() != text.str.len_chars()).then(text)
    return pl.coalesce(foreign.str.normalize("NFKC").str.replace_all(r"\p{Cf}", ""), text).str.to_lowercase()


def question() -> pl.Expr:
    """The last message of each prompt."""
    return pl.col("prompt").list.last().struct.field("content")


def answer(side: str) -> pl.Expr:
    """What an answer says: `side` is chosen or rejected."""
    return text_of(pl.col(side))


def sample(pairs: pl.DataFrame, fewer: int) -> pl.DataFrame:
    """About so many of the pairs, all of the same raters, or all where there are no more."""
    if pairs.height <= fewer:
        return pairs
    share = int(fewer / pairs.height * 2**64)
    # A rater's place is a hash, so it is the same in every batch.
    some = pairs.filter(pl.coalesce("rater", "id").hash(seed=2) < share)
    # Where a few raters made most of the pairs, it is nobody's or nearly everybody's.
    return some if fewer / 2 <= some.height <= fewer * 2 else pairs.filter(pl.col("id").hash(seed=2) < share)


def spelled(texts: pl.Series) -> pl.Series:
    """Texts as lists of words; where words are not parted by spaces, each sign is one. Some words may be empty."""
    text = plain(pl.col("text").fill_null("").str.head(READ))
    foreign = pl.when(text.str.len_bytes() != text.str.len_chars()).then(text)
    parted = foreign.str.replace_all(UNSPACED, " ${1} ").str.replace_all(BOUNDARY, " ")
    said = pl.coalesce(parted, text).str.replace_many(SIGNS, [" "] * len(SIGNS)).str.strip_chars()
    return texts.alias("text").to_frame().select(said.str.split(" ")).to_series()


def words(texts: pl.Series) -> Words:
    """Read texts as words.

    Args:
        texts: shape (n,).
    """
    listed = spelled(texts)
    lengths = listed.list.len().to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    hashes = listed.explode().hash(seed=0).to_numpy()
    kept = hashes != pl.Series([""]).hash(seed=0)[0]
    kept[ends - lengths] = True
    before = np.concatenate([[0], np.cumsum(kept)])
    return Words(hashes[kept], before[ends - lengths])
