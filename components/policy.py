"""Written policies: TOML files of checks on measures, which a person edits. Knows nothing of what follows from them."""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.records.errors import BadInput
from components.records.handles import Estimate

Bound = Annotated[float, Field(allow_inf_nan=False)]


class Check(BaseModel):
    """A bound on one measure.

    Attributes:
        measure: its name.
        at_least: the bound, where more is better.
        at_most: the bound, where less is better; one of the two is given.
        because: why, in plain words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    measure: str
    at_least: Bound | None = None
    at_most: Bound | None = None
    because: str = ""

    @model_validator(mode="after")
    def _one_bound(self) -> "Check":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("needs exactly one of at_least and at_most")
        return self

    @property
    def more_is_better(self) -> bool:
        return self.at_least is not None

    @property
    def bound(self) -> float:
        bound = self.at_least if self.at_most is None else self.at_most
        assert bound is not None
        return bound


C = TypeVar("C", bound=Check)


def read_checks(file: Path, kind: type[C], default: Path) -> tuple[C, ...]:
    """The checks of a policy, in the order they are written.

    Args:
        file: holds [[check]] tables and nothing else.
        kind: what each of them has to be.
        default: a policy to begin with, for whoever has none.

    Raises:
        BadInput: the file is missing, is not TOML, has no checks, or a check has an unknown key or a wrong value.
    """
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not valid TOML: {error}", file, "Correct that line.") from None
    except OSError as error:
        fix = f"Copy {default} there and edit it."
        raise BadInput(f"the gate policy cannot be read: {error.strerror}", file, fix) from None
    for key in tree:
        if key != "check":
            raise BadInput(f"unknown key {key}", file, "A gate policy holds [[check]] tables and nothing else.")
    tables = tree.get("check", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadInput("check is not a list of tables", file, "Head each check with [[check]], in double brackets.")
    if not tables:
        fix = "Write at least one [[check]]: a gate without any lets everything through."
        raise BadInput("the gate policy has no checks", file, fix)
    return tuple(_read_check(table, kind, file, number) for number, table in enumerate(tables, start=1))


def in_numbers(check: Check, estimate: Estimate) -> str:
    """As "policy/win_rate is 0.62 (95% interval 0.56 to 0.68, n 300)"."""
    interval = f"95% interval {estimate.low:.3g} to {estimate.high:.3g}, n {estimate.n}"
    return f"{check.measure} is {estimate.value:.3g} ({interval})"


def _read_check(table: dict[str, Any], kind: type[C], file: Path, number: int) -> C:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
    where = f"{file}, check {number}" + (f" ({table['measure']})" if "measure" in table else "")
    if not first["loc"]:
        raise BadInput(str(first["ctx"]["error"]), where, "Give the bound as at_least or as at_most.")
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        near = get_close_matches(key, kind.model_fields, n=1)
        fix = f"Did you mean {near[0]}?" if near else f"The keys are {', '.join(kind.model_fields)}."
        raise BadInput(f"unknown key {key}", where, fix)
    if first["type"] == "missing":
        raise BadInput(f"{key} is missing", where, 'Name what is checked, as measure = "policy/win_rate".')
    problem = f"{key} = {table[key]!r}: {first['msg'][0].lower()}{first['msg'][1:]}"
    raise BadInput(problem, where, f"Correct {key} in that check.")
