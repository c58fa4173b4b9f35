"""Names that follow from content: the same record has the same id on every machine and in every version."""

import hashlib
import json
from typing import Any

import duckdb
import polars as pl

from components.records.messages import MESSAGES, escaped, transcript


def sha256(texts: pl.Series) -> pl.Series:
    """Hash a column of texts.

    Args:
        texts: strings, shape (n,).

    Returns:
        Hex digests, 64 characters each, shape (n,).
    """
    with duckdb.connect() as db:
        db.register("texts", pl.DataFrame({"text": texts}).to_arrow())
        return db.sql("select sha256(text) as digest from texts").pl()["digest"]


def content_ids(frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.Series:
    """Identify each row by what it says in `columns` (texts or conversations; null is not the empty text).

    Returns:
        32 hex characters a row, shape (n,).
    """
    parts = [
        transcript(pl.col(c)) if frame.schema[c] == MESSAGES else escaped(pl.col(c).cast(pl.String)) for c in columns
    ]
    canonical = pl.concat_str([part.fill_null("\x00") for part in parts], separator="\x1d")
    return sha256(frame.select(canonical).to_series()).str.slice(0, 32)


def fingerprint(*parts: Any) -> str:
    """One short name for settings and handles: 16 hex characters, the same for equal parts.

    Args:
        parts: anything JSON can carry; what it cannot is named by its `str`.
    """
    canonical = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
