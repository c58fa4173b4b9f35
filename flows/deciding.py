"""The commands for whoever decides on data: the report about it, and accepting what the data gate held."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from components.records.errors import BadInput
from flows.engine import prefect
from flows.terminal import GATE_SAID_NO, Json, Overrides, Place, opened, say

if TYPE_CHECKING:
    from components.records.handles import Examination


def report(
    html: Annotated[
        Path | None, typer.Option("--html", help="Where to put the page; default: in .heed/reports.")
    ] = None,
    place: Place = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """What the audits find in the data, what the data gate says, and one page with all of it."""
    workspace = opened(place, overrides)
    with prefect(workspace, "flows.examine"):
        from components.workspace import versions
        from flows.examine import examine, report_of

        examined = examine(workspace, versions.current(workspace))
        page = report_of(workspace, examined)
    if html:
        _copy(page, html)
    say(as_json, examined.model_dump(mode="json") | {"report": str(html or page)}, _report(examined, html or page))
    if examined.verdict.outcome != "accept":
        raise typer.Exit(GATE_SAID_NO)


def accept(
    because: Annotated[str, typer.Option("--because", help="Why, for whoever asks later.")],
    batch: Annotated[str | None, typer.Argument(help="The newest batch, as 3; default: whichever it is.")] = None,
    place: Place = None,
    as_json: Json = False,
) -> None:
    """Let the data train a model though the data gate held or refused it; who, when and why is kept in git."""
    workspace = opened(place)
    from components.validation import acceptance

    accepted = acceptance.accept(workspace, acceptance.batch_named(workspace, batch), because)
    say(
        as_json,
        accepted.model_dump(mode="json"),
        f"Batch {accepted.batch} is accepted, with all before it, by {accepted.by}: {because}\nNext: heed retrain.",
    )


def trace(
    id: Annotated[str, typer.Argument(help="Of a piece of feedback or an interaction.")],
    place: Place = None,
    as_json: Json = False,
) -> None:
    """What became of one piece of feedback: captured, held, landed, what was made of it, who learned from it."""
    workspace = opened(place)
    from flows.trace import trace as follow

    found = follow(workspace, id)
    lines = [
        f"{step.what:<9}{step.at or '':<27}{step.id[:32]:<34}{step.told[:120]}\n{'':<36}{step.where}"
        for step in found.steps
    ]
    lines += [f"{'journal':<9}{_line(one)}" for one in found.journal]
    say(as_json, found.model_dump(), "\n".join(lines))


def _line(told: dict[str, Any]) -> str:
    """A line of the journal for a person; ids that come by the dozen are left out."""
    first = ("time", "part", "event", "correlation", "level")
    rest = [f"{key}={value}" for key, value in told.items() if key not in (*first, "ids")]
    done = f" of {told['correlation']}" if "correlation" in told else ""
    return f"{told['time'][:23]:<27}{told['part']}: {' '.join([told['event'], *rest])}{done}"


def _copy(page: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(page, target)
    except OSError as error:
        raise BadInput(f"the page cannot be written: {error.strerror}", target, f"It is in {page}.") from None


def _report(examined: "Examination", page: Path) -> str:
    outcome = {"accept": "accepts", "hold": "holds", "refuse": "refuses"}[examined.verdict.outcome]
    lines = [f"{name}: {sentence}" for name, sentence in examined.sentences.items()]
    lines += ["", f"The data gate {outcome} dataset version {examined.dataset[:12]}."]
    lines += [f"  - {reason}" for reason in examined.verdict.stops]
    return "\n".join([*lines, f"The page: {page}"])
