"""The blind sheet: a CSV file that opens in any spreadsheet, written for people and read back from them.

Knows nothing of which answer is whose, or of what becomes of the verdicts.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.evaluation.people.pairs import Better, Pair
from components.evaluation.people.verdicts import Verdict
from components.records.errors import BadInput
from components.workspace.files import place_text

COLUMNS = ("id", "prompt", "left", "right", "better", "why")
ID = re.compile(r"v(\d+)-[0-9a-f]{10}")

WORDS: dict[str, Better | None] = {
    **dict.fromkeys(("left", "l", "1"), "left"),
    **dict.fromkeys(("right", "r", "2"), "right"),
    **dict.fromkeys(("tie", "same", "="), "tie"),
    "": None,
}

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet takes a text for a formula, which nobody shall be made to run."""

MARK = "\ufeff"
"""By it Excel knows that a file is UTF-8."""


@dataclass(frozen=True)
class Row:
    """A row as somebody has filled it in.

    Attributes:
        where: the file, the line, and the row as a spreadsheet counts.
        id: of the pair.
        better: which side; None where nobody has said yet.
        why: in their words.
    """

    where: str
    id: str
    better: Better | None
    why: str


def write(pairs: Sequence[Pair], file: Path) -> None:
    """Write pairs down for somebody to judge. To write the same again changes nothing.

    Raises:
        BadInput: something else stands there, or it cannot be written.
    """
    sheet = MARK + _csv(pairs)
    try:
        if file.exists() and file.read_bytes() != sheet.encode():
            raise BadInput("there is a file already, which may hold verdicts", file, "Name another with --to.")
        place_text(file, sheet)
    except OSError as error:
        raise BadInput(f"the sheet cannot be written: {error.strerror}", file, "Name another with --to.") from None


def read(file: Path) -> list[Row]:
    """The rows of a sheet, judged or not.

    Raises:
        BadInput: it cannot be read, is no sheet, or something that is written in it cannot be understood.
    """
    rows: dict[str, Row] = {}
    for row in _rows(file):
        if row.id in rows:
            raise BadInput(f"the id {row.id} is there twice", row.where, "Keep one of the two rows.")
        rows[row.id] = row
    if not rows:
        raise BadInput("the sheet has no rows", file, "`heed judge sheet` writes one that does.")
    return list(rows.values())


def version_of(rows: Sequence[Row]) -> int:
    """The challenger that a sheet is about.

    Raises:
        BadInput: there are several.
    """
    versions = {row.id.split("-")[0]: row for row in rows}
    if len(versions) > 1:
        other = list(versions.values())[-1]
        raise BadInput(f"rows of {' and '.join(versions)} are in one sheet", other.where, "Keep a sheet for each.")
    return int(next(iter(versions)).removeprefix("v"))


def verdicts(rows: Iterable[Row], pairs: Iterable[Pair]) -> list[Verdict]:
    """What a sheet says of pairs.

    Raises:
        BadInput: a row is about none of them.
    """
    known = {pair.id for pair in pairs}
    for row in rows:
        if row.id not in known:
            fix = "Read it in the workspace that wrote it, or write a new one with `heed judge sheet`."
            raise BadInput(f"the evaluation has no pair {row.id}", row.where, fix)
    return [Verdict(id=row.id, better=row.better, why=row.why, on="sheet") for row in rows]


def _csv(pairs: Iterable[Pair]) -> str:
    written = io.StringIO(newline="")
    sheet = csv.writer(written)
    sheet.writerow(COLUMNS)
    for pair in pairs:
        sheet.writerow((pair.id, *map(_plain, (pair.prompt, pair.left, pair.right)), "", ""))
    return written.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _rows(file: Path) -> Iterator[Row]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        fix = "Name the file that was filled in."
        raise BadInput(f"the sheet cannot be read: {error.strerror}", file, fix) from None
    except UnicodeDecodeError:
        raise BadInput("the sheet is not UTF-8", file, "Save it as CSV in UTF-8.") from None
    first = text.partition("\n")[0]
    # A spreadsheet writes what its user's country has between columns.
    sheet = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a prompt may be longer than it allows for
    columns = [name.strip().casefold() for name in next(sheet, [])]
    if missing := {"id", "better"} - set(columns):
        fix = f"The first line is to be {','.join(COLUMNS)}; save the sheet as CSV."
        raise BadInput(f"there is no column {min(missing)}", file, fix)
    line = sheet.line_num + 1
    for number, cells in enumerate(sheet, start=2):
        if any(cells):  # a spreadsheet may end in rows of nothing
            where = f"{file}, line {line}, row {number} of the spreadsheet"
            yield _row(dict(zip(columns, cells, strict=False)), where)
        line = sheet.line_num + 1


def _row(cells: dict[str, str], where: str) -> Row:
    id, said, why = (cells.get(name, "").strip() for name in ("id", "better", "why"))
    if not ID.fullmatch(id):
        raise BadInput(f"{id!r} is no id of a pair", where, "Put back the id that the sheet had, or take the row out.")
    if said.casefold() not in WORDS:
        fix = "Write left, right or tie; leave it empty where it is not judged yet."
        raise BadInput(f"better is {said!r}", where, fix)
    return Row(where, id, WORDS[said.casefold()], why)
