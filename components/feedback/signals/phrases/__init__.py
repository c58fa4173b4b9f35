"""Finds the phrases of many languages in turns, all of them in one pass. Knows nothing of what follows from them.

A turn is laid out as words with a space on either side, without punctuation and apostrophes; `^` stands where a
sentence begins, `.` or `?` where it ends: "No, that's wrong!" is " ^  no  thats  wrong  . ". A phrase is a run of
these. Where several begin at the same place the longest is found, so that "not bad" hides the "bad" in it.

A language is one file of tables beside this one; see english.toml for how it is written.
"""

import re
import tomllib
from functools import cache
from itertools import product
from pathlib import Path

import polars as pl

OPENING, CLOSING = 400, 200  # characters of a turn that are read; what users think of an answer stands at its ends
QUOTED = (
    r"(?s)```.*?(?:```|$)|`[^`\n]*`|\"[^\"\n]{1,300}\"|“[^”]{1,300}”|„[^“”]{1,300}[“”]|«[^»]{1,300}»|「[^」]{1,300}」"
)
SIGNS = r"\p{L}\p{M}\p{N}\p{Extended_Pictographic}"
APOSTROPHES = "['’‘´]"
PIECE = rf"[{SIGNS}](?:[{SIGNS}]|{APOSTROPHES})*[^{SIGNS}]*"
UNSPACED = "[\u2190-\u2bff\u3040-\u30ff\u3400-\u9fff\U0001f000-\U0001faff]"
"""Signs of scripts that put no space between words, and emoji."""
MARKS = "^.?"
BEGINS = " ^ "
FAILURE = "failure"
"""The section of what answers say; the others are of what users say."""


@cache
def table() -> pl.DataFrame:
    """What users say, in every language.

    Returns:
        `phrase` (as it stands in a turn that is laid out; longest first), `shows` (the section it is in), `tells` (how
        much, in log-odds), `words` (how many it has).
    """
    said = _phrases().filter(pl.col("shows") != FAILURE).unique("phrase", keep="first", maintain_order=True)
    return pl.concat([said, _anchored(said)]).sort(pl.col("phrase").str.len_bytes(), descending=True)


@cache
def failures() -> list[tuple[float, list[str]]]:
    """What answers say that are none: how much it tells, in log-odds and beginning with the most, and the phrases."""
    said = _phrases().filter(pl.col("shows") == FAILURE)
    return list(said.group_by("tells").agg("phrase").sort("tells", descending=True).iter_rows())


def _phrases() -> pl.DataFrame:
    rows = [row for file in sorted(Path(__file__).parent.glob("*.toml")) for row in _rows(file)]
    templates = pl.DataFrame(rows, schema=["said", "shows", "tells"], orient="row").explode("said")
    phrase, word = pl.col("said"), pl.element()
    counted = phrase.str.split(" ").list.eval(word.filter(~word.is_in(list(MARKS)))).list.len().cast(pl.Int64)
    return templates.select(_laid(phrase).alias("phrase"), "shows", "tells", words=counted)


def _anchored(known: pl.DataFrame) -> pl.DataFrame:
    """Phrases once more after the mark of a beginning, where a phrase that has it would else be found instead."""
    marked = known["phrase"].filter(known["phrase"].str.starts_with(BEGINS)).implode()
    space = pl.when(pl.col("phrase").str.starts_with(" ")).then(pl.lit("")).otherwise(pl.lit(" "))
    again = known.with_columns(phrase=pl.concat_str(pl.lit(BEGINS), space, "phrase"))
    hidden = pl.col("phrase").str.find_many(marked, leftmost=True).list.first() == 0
    return again.filter(hidden).join(known, on="phrase", how="anti", maintain_order="left")


def _rows(file: Path) -> list[tuple[list[str], str, float]]:
    """What each template of a file stands for, the section it is in, and how much it tells."""
    sections = tomllib.loads(file.read_text(encoding="utf-8"))
    words = sections.pop("words", {})
    return [
        (expanded(template, words), shows, float(tells))
        for shows, levels in sections.items()
        for tells, templates in levels.items()
        for template in templates
    ]


def expanded(template: str, words: dict[str, str]) -> list[str]:
    """What a template stands for: "(that's|it is) not (very|) good" is four phrases.

    Raises:
        ValueError: its brackets do not match.
    """
    for name, meaning in words.items():
        template = template.replace(f"{{{name}}}", meaning)
    parts = re.split(r"\(([^()]*)\)", template)
    if re.search("[(){}|]", "".join(parts[::2])):
        raise ValueError(f"the brackets of {template!r} do not match")
    choices = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
    return [" ".join("".join(chosen).split()) for chosen in product(*choices)]


def _laid(phrase: pl.Expr) -> pl.Expr:
    """Phrases with a space before and after each word, but for where they begin or end in a script without spaces."""
    bare = phrase.str.replace_all(APOSTROPHES, "").str.replace_all(" ", "  ", literal=True)
    before, after = (
        pl.when(sign.str.contains(UNSPACED)).then(pl.lit("")).otherwise(pl.lit(" "))
        for sign in (phrase.str.head(1), phrase.str.tail(1))
    )
    return pl.concat_str(before, bare, after)


def spoken(text: pl.Expr) -> pl.Expr:
    """What of each turn its author says: its beginning and end, without code and what is quoted."""
    ends = pl.concat_str(text.str.head(OPENING), pl.lit(" … "), text.str.tail(CLOSING))
    return pl.when(text.str.len_bytes() > OPENING + CLOSING).then(ends).otherwise(text).str.replace_all(QUOTED, " … ")


def laid_out(said: pl.Expr) -> pl.Expr:
    """What was said, laid out so that phrases can be found in it."""
    bare = (
        said.str.to_lowercase()
        .str.replace_all(APOSTROPHES, "")
        .str.replace_all(rf"[^{SIGNS}.!?…。！？\n]+", " ")
        .str.replace_all(r"[ .!…。！\n]*[?？][ .!?…。！？\n]*", " ? ^ ")
        .str.replace_all(r" *[.!…。！\n][ .!…。！\n]*", " . ^ ")
        .str.replace_all(" ", "  ", literal=True)
    )
    return pl.concat_str(pl.lit(" ^  "), bare, pl.lit("  . "))


def occurrences(laid: pl.Series) -> pl.DataFrame:
    """Every phrase that occurs in turns, once a turn.

    Args:
        laid: turns that are laid out, shape (n,).

    Returns:
        Columns of `table` beside `row` and `offset` (bytes into the turn), in order.
    """
    phrases = table()
    wanted = phrases["phrase"].implode()
    found = (
        pl.DataFrame({"turn": laid})
        .with_row_index("row")
        .with_columns(phrase=pl.col("turn").str.extract_many(wanted, leftmost=True).list.unique(maintain_order=True))
        .filter(pl.col("phrase").list.len() > 0)
        .explode("phrase")
    )
    offset = pl.col("turn").str.find(pl.col("phrase"), literal=True)
    return found.select("row", "phrase", offset=offset).join(phrases, on="phrase", maintain_order="left")


def words_before(laid: pl.Expr, offset: pl.Expr) -> pl.Expr:
    """How many words stand before an offset."""
    return laid.cast(pl.Binary).bin.slice(0, offset).cast(pl.String).str.count_matches(rf"[{SIGNS}]+ ")


def words_at(said: pl.Expr, before: pl.Expr, count: pl.Expr) -> pl.Expr:
    """The user's own words, as they wrote them: `count` of them after the first `before`."""
    pieces = said.str.extract_all(PIECE).list.slice(before, count)
    return pieces.list.join("").str.replace(r"[\s,;:.!?。，！？…—–-]+$", "")
