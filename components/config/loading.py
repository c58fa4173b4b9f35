"""heed.toml < environment < command line, and errors that say which of them is wrong."""

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from components.config.settings import Section, Settings
from components.records.errors import BadInput

PREFIX = "HEED_"
NOT_SETTINGS = {"HEED_WORKSPACE", "HEED_JOURNAL", "HEED_STANDBY"}

Found = dict[str, tuple[Any, str]]
"""Key to value and where the value was found."""


def load(
    file: Path | None = None, environment: Mapping[str, str] = os.environ, overrides: Sequence[str] = ()
) -> Settings:
    """Read the settings that hold here.

    Args:
        file: heed.toml; None for defaults alone.
        environment: `HEED_TRAIN_BETA=0.2` sets `train.beta`.
        overrides: `train.beta=0.2`, each winning over the file and the environment.

    Raises:
        BadInput: an unknown key, a value of the wrong type or out of range, or a file that is not TOML.
    """
    return _with({}, {**_from_file(file), **_from_environment(environment), **_from_texts(overrides, "--set ")})


def altered(settings: Settings, overrides: Sequence[str]) -> Settings:
    """Settings that differ from others in what overrides say, each as `train.beta=0.2`.

    Raises:
        BadInput: an unknown key, or a value of the wrong type or out of range.
    """
    return _with(settings.model_dump(), _from_texts(overrides))


def _with(tree: dict[str, dict[str, Any]], found: Found) -> Settings:
    for key, (value, _) in found.items():
        section, name = key.split(".", 1)
        tree.setdefault(section, {})[name] = value
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise _explained(error, found) from None


def keys() -> dict[str, FieldInfo]:
    """Every key there is, with its type and default."""
    return {
        f"{section}.{name}": field
        for section, holder in Settings.model_fields.items()
        for name, field in _section(holder).model_fields.items()
    }


def _section(holder: FieldInfo) -> type[Section]:
    assert isinstance(holder.annotation, type)
    return holder.annotation


def _from_file(file: Path | None) -> Found:
    if file is None:
        return {}
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not valid TOML: {error}", file, "Correct that line.") from None
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", file, "Run `heed init` to make a workspace.") from None
    found: Found = {}
    for section, values in tree.items():
        if not isinstance(values, dict):
            raise _unknown(section, str(file))
        if not values and section not in Settings.model_fields:
            raise _unknown(section, str(file), list(Settings.model_fields))
        for name, value in values.items():
            found[f"{section}.{name}"] = (value, str(file))
    _refuse_unknown(found)
    return found


def _from_environment(environment: Mapping[str, str]) -> Found:
    found: Found = {}
    for variable, text in environment.items():
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS:
            key = variable.removeprefix(PREFIX).lower().replace("_", ".", 1)
            found[key] = (text, f"environment variable {variable}")
    return _read_texts(found)


def _from_texts(overrides: Sequence[str], option: str = "") -> Found:
    found: Found = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            where = option.strip() or "the command line"
            raise BadInput(f"{override!r} sets nothing", where, f"Write it as {option}train.beta=0.2.")
        found[key.strip()] = (text.strip(), f"{option}{override}")
    return _read_texts(found)


def _read_texts(found: Found) -> Found:
    _refuse_unknown(found)
    return {key: (_read(text, keys()[key]), where) for key, (text, where) in found.items()}


def _read(text: str, field: FieldInfo) -> Any:
    """A text as the type its key has: read as TOML where that fits, else taken as it stands."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
        TypeAdapter[Any](field.annotation or Any, config={"strict": True}).validate_python(value)
    except (tomllib.TOMLDecodeError, ValidationError):
        return text
    return value


def _refuse_unknown(found: Found) -> None:
    for key, (_, where) in found.items():
        if key not in keys():
            raise _unknown(key, where)


def _unknown(key: str, where: str, names: Sequence[str] = ()) -> BadInput:
    names = names or list(keys())
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.4)
    if not near:
        near = [name for name in names if name.rsplit(".")[-1] == key.rsplit(".")[-1]]
    fix = f"Did you mean {near[0]}?" if near else f"The sections are {', '.join(Settings.model_fields)}."
    return BadInput(f"unknown key {key}", where, fix)


def _explained(error: ValidationError, found: Found) -> BadInput:
    first = error.errors()[0]
    named = ".".join(str(part) for part in first["loc"][:2])
    # What is wrong with a whole section is told of the first of its keys that was set.
    key = named if named in found else next(key for key in found if key.startswith(f"{named}."))
    value, where = found[key]
    field, problem = keys()[key], first["msg"].removeprefix("Value error, ")
    return BadInput(
        f"{key} = {value!r}: {problem[0].lower()}{problem[1:]}",
        where,
        f"The default is {field.default!r}" + (f" ({field.description})." if field.description else "."),
    )
