"""Reads the suites of expectations: JSON files in Great Expectations' own format that a person can change.

Knows nothing of how an expectation is tried. Two things are heed's: `meta.needs`, how many values a column (or rows a
table) must have before an expectation is asked, because a share of a handful says nothing; and the names of the
parameters that are filled in for every batch.
"""

import json
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl

from components.records.errors import BadInput
from components.validation.expectations.columns import COLUMNS

DEFAULTS = Path(__file__).parents[3] / "expectations"
PARAMETERS = {"feedback": "kinds_before", "preferences": "languages_before"}
"""Kind of record to the one parameter that its suite can use."""


@dataclass(frozen=True)
class Expectation:
    """One thing that is expected, as it is written.

    Attributes:
        number: its place in the file, from 1.
        type: its name in Great Expectations.
        kwargs: what it is about and what is expected of that.
        notes: why, as the end of a sentence.
        needs: how many values its column must have, or rows there must be, before it is asked.
    """

    number: int
    type: str
    kwargs: dict[str, Any]
    notes: str
    needs: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it speaks of."""
        named = [self.kwargs[key] for key in ("column", "column_A", "column_B") if key in self.kwargs]
        return (*named, *self.kwargs.get("column_list", ()))

    @property
    def parameters(self) -> set[str]:
        """Names of the parameters that stand in place of a value."""
        return {
            value["$PARAMETER"] for value in self.kwargs.values() if isinstance(value, dict) and "$PARAMETER" in value
        }

    def is_asked_of(self, flat: pl.DataFrame, parameters: dict[str, list[str]]) -> bool:
        """Whether there is enough to ask it of, and nothing it is to be compared with is missing."""
        known = min((flat[column].count() for column in self.columns), default=flat.height)
        return known >= self.needs and all(parameters[name] for name in self.parameters)


@dataclass(frozen=True)
class Suite:
    """All that is expected of one kind of record.

    Attributes:
        kind: `feedback` or `preferences`.
        file: where it is written.
        notes: what the file says of itself.
        expectations: in the order they are written.
    """

    kind: str
    file: Path
    notes: str
    expectations: tuple[Expectation, ...]


def shipped() -> list[Path]:
    """The files a new workspace gets into its `expectations/`."""
    return sorted(file for file in DEFAULTS.iterdir() if file.is_file())


def file_of(folder: Path, kind: str) -> Path:
    """The suite for a kind of record: the workspace's own, or the one heed brings where it has none."""
    own = folder / f"{kind}.json"
    return own if own.exists() else DEFAULTS / own.name


def read_suite(file: Path, kind: str) -> Suite:
    """Read one suite.

    Args:
        file: JSON, as Great Expectations writes a suite.
        kind: what its expectations are held against, `feedback` or `preferences`.

    Raises:
        BadInput: it cannot be read, is no suite, or an expectation lacks its type or its kwargs, or speaks of a column
            or a parameter that there is not.
    """
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"not valid JSON: {error}", file, "Correct that line.") from None
    except OSError as error:
        fix = f"Copy {DEFAULTS / file.name} there and edit it."
        raise BadInput(f"the suite cannot be read: {error.strerror}", file, fix) from None
    written = tree.get("expectations") if isinstance(tree, dict) else None
    if not isinstance(written, list):
        raise BadInput("not a suite: it has no list of `expectations`", file, f"See {DEFAULTS / file.name}.")
    expectations = tuple(_expectation(file, kind, number, entry) for number, entry in enumerate(written, start=1))
    return Suite(kind, file, str(tree.get("notes") or ""), expectations)


def wrong(file: Path, expected: Expectation, what: str, fix: str) -> BadInput:
    """An error about one expectation of a suite."""
    return BadInput(f"expectation {expected.number}, {expected.type}: {what}", file, fix)


def near(name: str, known: list[str]) -> str:
    """A question whether another name was meant; empty where none is like it."""
    found = get_close_matches(name, known, n=1)
    return f"Did you mean {found[0]}? " if found else ""


def _expectation(file: Path, kind: str, number: int, entry: Any) -> Expectation:
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        raise BadInput(f"expectation {number} has no type", file, 'Name one, as "expect_column_values_to_be_between".')
    kwargs, meta = entry.get("kwargs") or {}, entry.get("meta") or {}
    if not isinstance(kwargs, dict) or not isinstance(meta, dict):
        raise BadInput(f"expectation {number}: kwargs and meta have to be objects", file, "Write them in braces.")
    expected = Expectation(number, entry["type"], kwargs, str(entry.get("notes") or ""), meta.get("needs", 1))
    if not isinstance(expected.needs, int) or expected.needs < 1:
        fix = "Give the number of values it needs, 1 or more."
        raise wrong(file, expected, f"needs is {expected.needs!r}", fix)
    for column in expected.columns:
        if column not in COLUMNS[kind]:
            fix = f"{near(str(column), list(COLUMNS[kind]))}The columns are {', '.join(COLUMNS[kind])}."
            raise wrong(file, expected, f"there is no column {column!r} of {kind}", fix)
    for name in expected.parameters - {PARAMETERS[kind]}:
        raise wrong(file, expected, f"there is no parameter {name!r}", f"heed fills in {PARAMETERS[kind]!r}.")
    return expected
