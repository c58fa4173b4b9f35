"""Keeps what people said of pairs, each person's apart. Knows nothing of which answer is whose.

A verdict is on this machine's disk as soon as it is given. From there it is handed over to MLflow, where a team has
everybody's, as the artifact people/NAME.jsonl of the evaluation run.
"""

import getpass
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from components.evaluation.people.pairs import Better
from components.records.errors import BadInput
from components.tracking import client
from components.workspace import Workspace
from components.workspace.files import append, logged

FOLDER = "people"
NAME = re.compile(r"\w[\w .@+-]{0,59}")

Verdicts = dict[str, "Verdict"]
"""By the id of the pair."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Verdict(BaseModel):
    """What one person said of one pair.

    Attributes:
        id: of the pair.
        better: which side; None for a verdict that was taken back.
        why: in the person's words, if they gave any.
        on: where it was given.
        at: when, ISO 8601 in UTC.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    better: Better | None
    why: str = ""
    on: Literal["sheet", "page"]
    at: str = Field(default_factory=_now)


def judge_named(name: str | None) -> str:
    """The name that verdicts are kept by; without one, the login name.

    Raises:
        BadInput: it cannot be the name of a file.
    """
    by = getpass.getuser() if name is None else name
    if not NAME.fullmatch(by):
        raise BadInput(
            f"{by!r} cannot name a judge", "--by", "Take letters and digits, and space . @ + - between them."
        )
    return by


def keep(workspace: Workspace, run_id: str, by: str, verdicts: Iterable[Verdict]) -> None:
    """Add to what a person said; it is on disk when this returns."""
    append(_folder(workspace, run_id) / f"{by}.jsonl", _lines(verdicts))


def changed(sheet: Iterable[Verdict], before: Verdicts) -> list[Verdict]:
    """What a sheet changes: an empty row takes back what a sheet said of it before, and nothing said on the page."""
    return [said for said in sheet if said.better or (said.id in before and before[said.id].on == "sheet")]


def everybody(workspace: Workspace, run_id: str) -> dict[str, Verdicts]:
    """The verdicts of everybody on an evaluation by name, after those given on this machine were handed over.

    Where somebody judged a pair twice, on whatever machine, it is the later verdict.
    """
    mlflow = client(workspace)
    shared = {_name(file.path): _shared(run_id, file.path) for file in mlflow.list_artifacts(run_id, FOLDER)}
    for log in _folder(workspace, run_id).glob("*.jsonl"):
        by = _name(log.name)
        known = shared.get(by, {})
        both = _latest([*known.values(), *_read(logged(log).decode())])
        if both != known:
            mlflow.log_text(run_id, _lines(both.values()), f"{FOLDER}/{by}.jsonl")
        shared[by] = both
    return dict(sorted(shared.items()))


def counted(said: Mapping[str, Verdicts]) -> dict[str, int]:
    """How many pairs each person has judged, who has judged any."""
    numbers = {by: sum(verdict.better is not None for verdict in given.values()) for by, given in said.items()}
    return {by: number for by, number in numbers.items() if number}


def _folder(workspace: Workspace, run_id: str) -> Path:
    return workspace.state / FOLDER / run_id


def _name(file: str) -> str:
    return Path(file).name.removesuffix(".jsonl")


def _shared(run_id: str, file: str) -> Verdicts:
    import mlflow

    return _latest(_read(mlflow.artifacts.load_text(f"runs:/{run_id}/{file}")))


def _latest(verdicts: Iterable[Verdict]) -> Verdicts:
    return {said.id: said for said in sorted(verdicts, key=lambda said: said.at)}


def _lines(verdicts: Iterable[Verdict]) -> str:
    return "".join(f"{said.model_dump_json()}\n" for said in verdicts)


def _read(text: str) -> list[Verdict]:
    # What follows the last line break is half a line, which a copy that was cut off has left.
    return [Verdict.model_validate_json(line) for line in text.split("\n")[:-1]]
