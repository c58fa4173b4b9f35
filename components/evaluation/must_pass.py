"""Reads what the team says an answer must hold: `must_pass/*.jsonl`, one prompt a line. Knows nothing of models."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from components.records.errors import BadInput
from components.records.messages import Message

FIX = (
    'Write it as {"prompt": "What is the capital of France?", "contains": "Paris"}; the keys are prompt, and contains, '
    "lacks or matches."
)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _spoken(value: Any) -> Any:
    return [{"role": "user", "content": value}] if isinstance(value, str) else value


class Turn(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    role: Literal["system", "user", "assistant", "tool"]
    content: str


Texts = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_listed)]


class Demand(BaseModel):
    """A prompt and what the answer to it must be like.

    Attributes:
        prompt: a text, or messages that do not end with the assistant.
        contains: what the answer has to say, one text or several; capitals do not count.
        lacks: what it must not say, the same way.
        matches: a regular expression that has to be found in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    prompt: Annotated[list[Turn], BeforeValidator(_spoken), Field(min_length=1)]
    contains: Texts = []
    lacks: Texts = []
    matches: str | None = None

    @field_validator("prompt")
    @classmethod
    def _asks(cls, prompt: list[Turn]) -> list[Turn]:
        if prompt[-1].role == "assistant":
            raise ValueError("it ends with the assistant, so there is nothing to answer")
        return prompt

    @field_validator("matches")
    @classmethod
    def _is_expression(cls, matches: str) -> str:
        try:
            re.compile(matches)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return matches

    @model_validator(mode="after")
    def _demands(self) -> "Demand":
        if not (self.contains or self.lacks or self.matches):
            raise ValueError("it says nothing of the answer")
        return self

    @property
    def messages(self) -> list[Message]:
        return [turn.model_dump() for turn in self.prompt]

    def is_met_by(self, answer: str) -> bool:
        """Whether an answer is as it must be."""
        said = answer.casefold()
        return (
            all(text.casefold() in said for text in self.contains)
            and not any(text.casefold() in said for text in self.lacks)
            and (self.matches is None or re.search(self.matches, answer) is not None)
        )


def read(folder: Path) -> list[Demand]:
    """All demands in a folder, in the order of its files and their lines; none where there is no such folder.

    Raises:
        BadInput: a line is no demand, or a file is no text.
    """
    return [
        _demand(line, f"{file}, line {number}")
        for file in sorted(folder.rglob("*.jsonl"))
        for number, line in enumerate(_text(file).split("\n"), start=1)
        if line.strip()
    ]


def named(folder: Path) -> dict[str, list[str]]:
    """All demands as texts under one name, so that a step is done again when they change; empty where there are none.

    Raises:
        BadInput: as `read`.
    """
    demands = [demand.model_dump_json() for demand in read(folder)]
    return {"must pass": demands} if demands else {}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the file cannot be read: {error}", file, "Save it as UTF-8.") from None


def _demand(line: str, where: str) -> Demand:
    try:
        return Demand.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise BadInput(f"not JSON: {error.msg}", where, FIX) from None
    except ValidationError as error:
        first = error.errors()[0]
    raise BadInput(_what(str(first["loc"][0]) if first["loc"] else "", first["type"], first["msg"]), where, FIX)


def _what(key: str, type: str, message: str) -> str:
    """What is wrong with a line, of which pydantic says that much."""
    if type == "extra_forbidden":
        return f"unknown key {key}"
    if type == "missing":
        return f"{key} is missing"
    problem = message.removeprefix("Value error, ")
    return f"{key}: {problem[0].lower()}{problem[1:]}" if key else f"{problem[0].lower()}{problem[1:]}"
