"""Names that follow from content: the same record has the same id on every machine and in every version."""

import hashlib
import json
from typing import Any

import polars as pl

from components.records.messages import MESSAGES, escaped, transcript
from components.records.sql import connection

BLOCK = 100_000  # records


def sha256(texts: pl.Series) -> pl.Series:
    """Hash a column of texts.

    Args:
        texts: strings, shape (n,).

    Returns:
        Hex digests, 64 characters each, shape (n,).
    """
    with connection() as db:
        # Numbered, because DuckDB may give rows back in another order when it reads with several threads.
        db.register("texts", pl.DataFrame({"text": texts}).with_row_index("row").to_arrow())
        return db.sql("select sha256(text) as digest from texts order by row").pl()["digest"]


def content_ids(frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.Series:
    """Identify each row by what it says in `columns`: texts, lists of texts, conversations. Null is not the empty text.

    Returns:
        32 hex characters a row, shape (n,).
    """
    parts = [_canonical(pl.col(name), frame.schema[name]).fill_null("\x00") for name in columns]
    said = frame.lazy().select(pl.concat_str(parts, separator="\x1d"))
    # Some at a time, because all that a million records say, once more as one text each, is gigabytes.
    blocks = [sha256(said.slice(start, BLOCK).collect().to_series()) for start in range(0, frame.height, BLOCK)]
    return pl.concat([pl.Series("digest", [], pl.String), *blocks]).str.slice(0, 32)


def _canonical(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == MESSAGES:
        return transcript(column)
    if dtype == pl.List(pl.String):
        return column.list.eval(escaped(pl.element())).list.join("\x1e")
    return escaped(column.cast(pl.String))


def fingerprint(*parts: Any) -> str:
    """One short name for settings and handles: 16 hex characters, the same for equal parts.

    Args:
        parts: anything JSON can carry; what it cannot is named by its `str`.
    """
    canonical = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
