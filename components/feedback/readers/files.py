"""Opens one file and gives its rows as JSON texts, whatever it is packed in. Knows nothing of what the rows mean.

JSON lines, JSON, CSV, TSV, Parquet and dialogues of lines, the texts also inside gzip or zstd. The name says what to
expect; where the content says otherwise, the content is believed.
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from components.feedback.readers import spoilt
from components.records.errors import BadInput
from components.records.sql import connection

GZIP, ZSTD, PARQUET, BOM = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"\xef\xbb\xbf"
SEPARATORS = {".csv": ",", ".tsv": "\t"}
LINES = {".jsonl", ".ndjson"}
TURN = re.compile(rb"\s*(USER|SYSTEM)\t")
"""How a file of dialogues begins: each turn a line of cells, a blank line after each dialogue."""
PIECE = 16 * 2**20  # bytes of JSON lines that are opened at a time


def pieces_of(path: Path) -> Iterator[pl.DataFrame]:
    """Open a file of JSON lines piece by piece, so that it may be larger than memory; any other file is one piece.

    So is one in zstd, which does not tell from its pieces whether it ends too early.

    Args:
        path: the file.

    Yields:
        Rows, as `rows_of` gives them; the lines are numbered through the whole file.

    Raises:
        BadInput: as `rows_of`, if perhaps not before the piece that cannot be read.
    """
    opening = _opening(path)
    begins = opening.removeprefix(BOM).lstrip()[:1]
    if _suffix(path) not in LINES or len(opening) < PIECE or begins != b"{" or TURN.match(opening):
        yield rows_of(path)
        return
    before = 0
    for content in _cut_at_lines(path):
        content = content if before else content.removeprefix(BOM)
        content, bad = spoilt.part(content)
        _refuse_binary(content, path, before)
        rows = judged(_lines(content).filter(pl.col("row").str.strip_chars() != ""))
        yield _in_order(rows, bad).with_columns(pl.col("line") + before)
        before += content.count(b"\n")


def size_of(path: Path) -> int:
    """About how many bytes a file holds, unpacked; 0 where it cannot be opened."""
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
        return path.stat().st_size * (8 if packed else 1)
    except OSError:
        return 0


def _opening(path: Path) -> bytes:
    """The first `PIECE` bytes of what a file holds; fewer where it holds less, or is for `rows_of` to complain of."""
    try:
        with _unpacked(path) as content:
            return content.read(PIECE)
    except (OSError, EOFError, zlib.error):
        return b""


def _cut_at_lines(path: Path) -> Iterator[bytes]:
    """What a file holds, in pieces that end where a line does."""
    try:
        with _unpacked(path) as content:
            while read := content.read(PIECE):
                yield read + content.readline()
    except EOFError:
        raise _ends_too_early(path) from None
    except (OSError, zlib.error) as error:
        raise _damaged(error, path) from None


def _unpacked(path: Path) -> IO[bytes] | gzip.GzipFile:
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
    return gzip.open(path) if packed else path.open("rb")


def rows_of(path: Path) -> pl.DataFrame:
    """Open a file.

    Args:
        path: the file.

    Returns:
        One line for each row that is not blank: `line` (i64, from 1; the line it begins on, or its number where rows
        are not lines), `row` (its JSON text) and `reason` (why it is not a JSON object; null where it is).

    Raises:
        BadInput: the file as a whole cannot be read: missing, not allowed, empty, damaged, or not text.
    """
    packed = _content(path)
    content = _unpack(packed, path)
    if content.startswith(PARQUET):
        if content is not packed:
            raise BadInput("a Parquet file inside another compression", path, "Unpack it first.")
        rows = _from_parquet(path)
    else:
        content = content.removeprefix(BOM)
        bad = None
        if _suffix(path) in LINES and content.lstrip()[:1] == b"{":
            content, bad = spoilt.part(content)
        _refuse_binary(content, path)
        rows = _from_text(content, path)
        rows = rows if bad is None else _in_order(rows, bad)
    if rows.is_empty():
        raise BadInput("the file holds no rows", path, "Leave it out, or check how it was written.")
    return rows


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadInput("there is no such file", path, "Check the path.") from None
    except IsADirectoryError:
        raise BadInput("this is a folder, not a file", path, "Name the files in it.") from None
    except PermissionError:
        raise BadInput("no permission to read this file", path, f"Allow it: chmod u+r {path}") from None
    except OSError as error:
        raise BadInput(f"the file cannot be read: {error.strerror}", path, "Check the path and the disk.") from None


def _unpack(packed: bytes, path: Path) -> bytes:
    """The content itself: unpacked where it is compressed, the same object where it is not."""
    try:
        if packed.startswith(GZIP):
            return gzip.decompress(packed)
        if packed.startswith(ZSTD):
            return _unpack_zstd(packed)
    except EOFError:
        raise _ends_too_early(path) from None
    except (OSError, zlib.error, zstandard.ZstdError) as error:
        raise _damaged(error, path) from None
    return packed


def _ends_too_early(path: Path) -> BadInput:
    return BadInput("the compressed file ends too early", path, "Copy or download it again.")


def _damaged(error: Exception, path: Path) -> BadInput:
    return BadInput(f"the compressed file is damaged: {error}", path, "Copy or download it again.")


def _unpack_zstd(packed: bytes) -> bytes:
    frames = []
    while packed:
        frame = zstandard.ZstdDecompressor().decompressobj()
        frames.append(frame.decompress(packed))
        if not frame.eof:
            raise EOFError
        packed = frame.unused_data
    return b"".join(frames)


def _refuse_binary(content: bytes, path: Path, lines_before: int = 0) -> None:
    if (not content or content.isspace()) and not lines_before:
        raise BadInput("the file is empty", path, "Leave it out, or check how it was written.")
    try:
        if not content.isascii():
            content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = lines_before + content.count(b"\n", 0, error.start) + 1
        raise BadInput(f"not UTF-8 text, from line {line}", path, "Save it as UTF-8 text, or as Parquet.") from None
    if b"\x00" in content:
        raise BadInput("a binary file, not text", path, "Save it as UTF-8 text, or as Parquet.")


def _from_parquet(path: Path) -> pl.DataFrame:
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"the Parquet file is damaged: {reason}", path, "Copy or download it again.") from None
    if not table.num_columns:
        return pl.DataFrame()
    with duckdb.connect() as db:
        db.sql("set timezone = 'UTC'")
        db.sql("set threads = 1")  # several may give the rows back in another order
        db.register("rows", table)
        # Quoted, because a bare name would be looked for among the file's own columns first.
        rows = db.sql('select to_json("the whole row")::varchar as row from rows as "the whole row"').pl()
    return _numbered(rows)


def _from_text(content: bytes, path: Path) -> pl.DataFrame:
    if TURN.match(content):
        return judged(_from_dialogues(content))
    suffix = _suffix(path)
    opening = content.lstrip()[:1]
    if opening not in (b"[", b"{") and suffix in SEPARATORS:
        return _from_cells(content, SEPARATORS[suffix], path)
    if opening == b"[" or (opening == b"{" and suffix not in LINES):
        whole = _from_json(content.decode())
        if whole is not None:
            return whole
        if opening == b"[" and suffix == ".json":
            raise BadInput(f"not valid JSON: {_json_error(content)}", path, "Correct it, or write it out again.")
    return judged(_lines(content).filter(pl.col("row").str.strip_chars() != ""))


def _from_dialogues(content: bytes) -> pl.DataFrame:
    """Dialogues, parted by blank lines, as {"dialogue": "…"} with all the lines of each."""
    blank = pl.col("row").str.strip_chars() == ""
    turns = _lines(content).with_columns(dialogue=blank.cum_sum()).filter(~blank)
    dialogues = turns.group_by("dialogue", maintain_order=True).agg(
        pl.col("line").first(), pl.col("row").str.strip_chars_end("\r").str.join("\n")
    )
    with connection() as db:
        db.register("dialogues", dialogues.to_arrow())
        rows = db.sql("select json_object('dialogue', row)::varchar as row from dialogues order by line").pl()
    return dialogues.select("line", rows["row"])


def _in_order(rows: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, bad.select(rows.columns)]).sort("line") if bad.height else rows


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in (".gz", ".zst")]
    return suffixes[-1] if suffixes else ""


def _lines(content: bytes) -> pl.DataFrame:
    lines = pl.read_lines(io.BytesIO(content), name="row", row_index_name="line", row_index_offset=1)
    return lines.select(pl.col("line").cast(pl.Int64), "row")


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    return judged(rows.with_row_index("line", offset=1).select(pl.col("line").cast(pl.Int64), "row"))


def judged(rows: pl.DataFrame) -> pl.DataFrame:
    """Say of every row why it is not a JSON object."""
    with connection() as db:
        db.register("rows", rows.to_arrow())
        types = db.sql("""
            select coalesce(try(json_type(row)), 'NOTHING') as type from rows order by line
        """).pl()
    broken = pl.when(types["type"] == "NOTHING").then("row")
    unlike = pl.when(types["type"] != "OBJECT").then(pl.lit("not a JSON object"))
    return rows.with_columns(reason=pl.coalesce(_no_json(broken), unlike))


def _no_json(text: pl.Expr) -> pl.Expr:
    """Why a text is not JSON; null where there is none."""
    cut_off = text.str.starts_with("{") & ~text.str.strip_chars_end().str.ends_with("}")
    halves = text.str.replace_all(r"(?i)\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}", "")
    why = (
        pl.when(text.str.contains(r"(?i)^\s*<(!doctype|html|head|body|\?xml)"))
        .then(pl.lit("an HTML or XML page, as servers send in the place of an answer"))
        .when(cut_off)
        .then(pl.lit("cut off before its end"))
        .when(halves.str.contains(r"(?i)\\ud[89a-f][0-9a-f]{2}"))
        .then(pl.lit("half of a character (a lone surrogate) is in it"))
        .when(text.str.starts_with("\ufeff"))
        .then(pl.lit("a byte order mark stands before it"))
    )
    told = pl.when(why.is_null()).then(pl.lit("not valid JSON")).otherwise(pl.format("not valid JSON: {}", why))
    return pl.when(text.is_not_null()).then(told)


def _from_json(text: str) -> pl.DataFrame | None:
    """The rows of a whole JSON text: an array's, the only array's in an object, or the one object; None if broken."""
    with connection() as db:
        if db.sql("select json_valid($1)", params=[text]).fetchall() == [(False,)]:
            return None
        members = db.sql("select value::varchar as row, type from json_each($1)", params=[text]).pl()
        if text.lstrip().startswith("{"):
            arrays = members.filter(pl.col("type") == "ARRAY")["row"]
            if len(arrays) != 1:
                return _numbered(pl.DataFrame({"row": [text.strip()]}))
            members = db.sql("select value::varchar as row from json_each($1)", params=[arrays.item()]).pl()
    return _numbered(members.select("row"))


def _json_error(content: bytes) -> str:
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        return str(error)
    return "it holds characters that no text can hold"


def _from_cells(content: bytes, separator: str, path: Path) -> pl.DataFrame:
    records = _records(content, separator)
    # What is left of a record with a mark in the place of every quoted cell: nothing in it can hide a separator.
    plain = pl.col("row").str.replace_all(rf'(^|{separator})"(?:[^"]|"")*"', "${1}\x00")
    records = records.with_columns(
        cells=plain.str.count_matches(separator, literal=True) + 1,
        unquoted=plain.str.contains(rf'"|\x00[^{separator}]'),
    )
    header, records = records.head(1), records.slice(1)
    if header["unquoted"].item():
        raise BadInput("the header's quotes are never closed", path, 'Write a quote inside a cell as "".')
    expected = header["cells"].item()
    reason = (
        pl.when("unquoted")
        .then(pl.lit('a quote is never closed, or stands bare inside a cell (write it as "")'))
        .when(pl.col("cells") != expected)
        .then(pl.format("{} cells where the header names {}", "cells", pl.lit(expected)))
    )
    records = records.select("line", "row", reason=reason)
    sound, bad = records.filter(pl.col("reason").is_null()), records.filter(pl.col("reason").is_not_null())
    return pl.concat([_as_json(header["row"].item(), sound, separator), bad]).sort("line")


def _records(content: bytes, separator: str) -> pl.DataFrame:
    """The records of a delimited text with the line each begins on: a quoted cell may run over several lines."""
    without = pl.col("row").str.replace_all(separator, "x", literal=True)  # a line of tabs is cells, not blank
    opened = pl.col("row").str.count_matches('"', literal=True).cum_sum().shift(1, fill_value=0) % 2 == 1
    records = (
        _lines(content)
        .with_columns(record=(~opened).cum_sum())
        .group_by("record", maintain_order=True)
        .agg(pl.col("line").first(), pl.col("row").str.join("\n"))
    )
    return records.filter(without.str.strip_chars() != "").drop("record")


def _as_json(header: str, records: pl.DataFrame, separator: str) -> pl.DataFrame:
    """Records of cells as JSON objects: an empty cell is null, one that holds a JSON list of objects is that list."""
    text = records["row"].str.join("\n").item() or ""
    cells = pl.read_csv(io.BytesIO(f"{header}\n{text}".encode()), separator=separator, infer_schema=False)
    names = cells.columns
    cells.columns = [f"c{i}" for i in range(len(names))]
    members = ", ".join(
        f"${i + 1}, case when c{i} like '[{{%' and json_valid(c{i}) then c{i}::json else to_json(c{i}) end"
        for i in range(len(names))
    )
    with connection() as db:
        db.register("cells", cells.with_row_index("place").to_arrow())
        rows = db.sql(f"select json_object({members})::varchar as row from cells order by place", params=names).pl()
    return records.with_columns(row=rows["row"])
