"""Finds known evaluation sets in preferences: a model that was trained on the questions cannot be measured by them.

Three ways, the first that fits is told: a prompt says the very same, the same but for case and punctuation, or one of
the prompt and both answers shares 13 words in a row with a question, as in https://arxiv.org/abs/2005.14165. Changes
nothing, and knows nothing of how the sets are read or what becomes of what is found.
"""

from pathlib import Path

import numpy as np
import polars as pl

from components.records.identity import fingerprint, sha256
from components.records.messages import asked, text_of
from components.records.words import spread, words_of
from components.validation.finding import SUSPECTS
from components.workspace.files import place

SETS: dict[str, pl.DataType] = {"file": pl.String(), "text": pl.String()}
"""The questions of evaluation sets, and the name of the file each is in."""

GRAM = 13  # words
SHOWN = 160  # characters of a question
BLOCK = 50_000  # preferences
FACTOR = 0x9E3779B97F4A7C15
"""Of the polynomial modulo 2**64 that gives 13 words in a row one number; odd, so that no word is lost."""

_FOUND = pl.Schema(
    {
        "row": pl.UInt32(),
        "file": pl.String(),
        "kind": pl.Int8(),
        "where": pl.String(),
        "words": pl.String(),
    }
)
_KINDS = ("says exactly what is in", "says, but for case and punctuation, what is in", f"shares {GRAM} words with")


def find(preferences: pl.DataFrame, sets: pl.DataFrame, memory: Path | None = None) -> pl.DataFrame:
    """Look for questions in preferences.

    Args:
        preferences: records of `Preference`, shape (n,).
        sets: the columns of `SETS`; several files may hold the same question.
        memory: a folder to remember in what was found in which preference, so that only new ones take time.

    Returns:
        `id` and `reason`, the columns of `SUSPECTS`: one row for each preference and file, in the order of both, the
        reason naming the file, how they overlap and the words.
    """
    if sets.is_empty():
        return pl.DataFrame(schema=SUSPECTS)
    name = fingerprint(GRAM, sha256(sets["file"]).to_list(), sha256(sets["text"]).to_list())
    file = memory / f"overlap-{name}.parquet" if memory else None
    # What was looked at and is clean is remembered too, with no reason.
    known = pl.read_parquet(file) if file and file.exists() else pl.DataFrame(schema=SUSPECTS)
    new = preferences.join(known, on="id", how="anti", maintain_order="left")
    questions = _Questions(sets)
    hits = [_found(new.slice(start, BLOCK), questions) for start in range(0, new.height, BLOCK)]
    found = pl.concat([pl.DataFrame(schema=SUSPECTS), *hits])
    told = pl.concat([known, new.select("id").join(found, on="id", how="left", maintain_order="left_right")])
    if file and new.height:
        place(file, lambda aside: told.write_parquet(aside, compression="lz4"))
    return preferences.select("id").join(told.drop_nulls("reason"), on="id", how="inner", maintain_order="left_right")


class _Questions:
    """Evaluation sets as what is looked up: whole texts, whole texts as words, and every 13 words."""

    def __init__(self, sets: pl.DataFrame) -> None:
        sets = sets.unique(maintain_order=True).select("file", pl.col("text").str.strip_chars())
        self.exact = sets.with_columns(key="text")
        self.normalised = sets.with_columns(key=words_of(pl.col("text")))
        grams, row, start = _grams(self.normalised["key"])
        self.grams = (
            pl.DataFrame({"key": grams, "at": row, "start": start})
            .with_columns(file=sets["file"].gather(row))
            .unique(["key", "file"], keep="first", maintain_order=True)
        )
        self.marks = np.zeros(2**24, bool)
        self.marks[_mark(self.grams["key"].to_numpy())] = True

    def words(self, at: pl.Series, start: pl.Series) -> pl.Series:
        """The 13 words that begin at a word of a question."""
        texts = self.normalised["key"].gather(at).str.split(" ")
        return pl.DataFrame({"t": texts, "s": start}).select(pl.col("t").list.slice("s", GRAM).list.join(" "))["t"]


def _found(block: pl.DataFrame, questions: _Questions) -> pl.DataFrame:
    """The columns of `SUSPECTS` for one block."""
    last = pl.col("prompt").list.eval(pl.element().filter(pl.element().struct.field("role") == "user")).list.last()
    whole = pl.coalesce(asked(pl.col("prompt")), text_of(pl.col("prompt")))
    said = [
        block.select(text=text.str.strip_chars()).with_row_index("row").drop_nulls()
        for text in (whole, last.struct.field("content"))
    ]
    prompts = pl.concat(said).unique(maintain_order=True)
    named = prompts.select("text").unique(maintain_order=True).with_columns(words=words_of(pl.col("text")))
    found = [
        _matched(prompts.select("row", key="text"), questions.exact, 0),
        _matched(prompts.join(named, on="text").select("row", key="words"), questions.normalised, 1),
    ]
    if len(questions.grams):
        for column in ("prompt", "chosen", "rejected"):
            said_in = block.select(words_of(text_of(pl.col(column)))).to_series()
            found.append(_sharing(said_in, column, questions))
    reason = pl.format(
        "its {} {} the evaluation set {}: “{}”",
        "where",
        pl.col("kind").replace_strict(list(range(len(_KINDS))), _KINDS, return_dtype=pl.String),
        "file",
        pl.when(pl.col("words").str.len_chars() > SHOWN)
        .then(pl.col("words").str.slice(0, SHOWN) + "…")
        .otherwise("words"),
    )
    hits = pl.concat(found).sort("row", "file", "kind", maintain_order=True)
    first = hits.unique(["row", "file"], keep="first", maintain_order=True)
    return first.select(id=block["id"].gather(first["row"]), reason=reason)


def _matched(prompts: pl.DataFrame, sets: pl.DataFrame, kind: int) -> pl.DataFrame:
    hits = prompts.join(sets, on="key", how="inner")
    where = pl.lit("prompt").alias("where")
    return hits.select("row", "file", pl.lit(kind).alias("kind"), where, words="text").cast(_FOUND)


def _sharing(texts: pl.Series, column: str, questions: _Questions) -> pl.DataFrame:
    """The first 13 words each text shares with each file."""
    grams, row, _ = _grams(texts)
    maybe = questions.marks[_mark(grams)]
    hits = pl.DataFrame({"key": grams[maybe], "row": row[maybe]}).join(
        questions.grams, on="key", how="inner", maintain_order="left"
    )
    hits = hits.unique(["row", "file"], keep="first", maintain_order=True)
    where = pl.lit("prompt" if column == "prompt" else f"{column} answer").alias("where")
    shared = questions.words(hits["at"], hits["start"])
    return hits.select("row", "file", pl.lit(2).alias("kind"), where, words=shared).cast(_FOUND)


def _grams(texts: pl.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every 13 words in a row: their number, index of the text, and the word they begin at, each of shape (m,)."""
    words, counts = (column.to_numpy() for column in spread(texts))
    counts = counts.astype(np.int64)
    row = np.repeat(np.arange(len(texts)), counts)
    start = np.arange(len(words)) - np.repeat(np.cumsum(counts) - counts, counts)
    whole = np.flatnonzero(start + GRAM <= counts[row])
    number = np.zeros(len(whole), np.uint64)
    for ahead in range(GRAM):
        number = number * np.uint64(FACTOR) + words[whole + ahead]
    return number, row[whole], start[whole]


def _mark(numbers: np.ndarray) -> np.ndarray:
    return (numbers >> np.uint64(40)).astype(np.int64)
