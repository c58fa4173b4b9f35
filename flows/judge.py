"""The commands for people as judges: a blind sheet, reading it back, and the same on a page in the browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.workspace import Workspace
from flows.terminal import Json, Overrides, Place, opened, say

if TYPE_CHECKING:
    from components.evaluation.people.outcome import Judged
    from components.evaluation.people.pairs import Pair
    from components.records.handles import Decision, ModelVersion, Scorecard

app = typer.Typer(help="Let people judge, blind, which answers are better.", no_args_is_help=True)

Version = Annotated[int | None, typer.Argument(help="The version to judge; default: the challenger.")]
Most = Annotated[int, typer.Option("--most", min=1, help="How many pairs at most.")]
By = Annotated[str | None, typer.Option("--by", help="Who judges; default: the login name.")]


@app.command(epilog="Example: heed judge sheet --most 50 --to ada.csv")
def sheet(
    version: Version = None,
    most: Most = 100,
    to: Annotated[Path | None, typer.Option("--to", help="The file; default: sheet-vVERSION.csv, here.")] = None,
    place: Place = None,
    as_json: Json = False,
) -> None:
    """Write a sheet of pairs of answers, which does not tell whose is whose."""
    workspace = opened(place)
    from components.evaluation.people.sheet import write

    scorecard, pairs = _evaluation(workspace, version)
    file = to or Path(f"sheet-v{scorecard.challenger.version}.csv")
    write(pairs[:most], file)
    rows = min(most, len(pairs))
    say(
        as_json,
        {"sheet": str(file), "rows": rows, "pairs": len(pairs)},
        f"{file} has {rows} of {len(pairs)} pairs of answers that differ.\n"
        f"Write left, right or tie into the column better. Next: heed judge read {file}",
    )


@app.command(epilog="Example: heed judge read ada.csv --by ada")
def read(
    file: Annotated[Path, typer.Argument(help="A sheet that somebody has filled in, as CSV.")],
    by: By = None,
    place: Place = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Read a sheet back, and say what people's verdicts come to and what the gate makes of it; nothing is promoted."""
    workspace = opened(place, overrides)
    from components.evaluation.people import sheet, verdicts

    rows = sheet.read(file)
    name = verdicts.judge_named(by)
    scorecard, pairs = _evaluation(workspace, sheet.version_of(rows))
    given = sheet.verdicts(rows, pairs)
    before = verdicts.everybody(workspace, scorecard.run_id).get(name, {})
    verdicts.keep(workspace, scorecard.run_id, name, verdicts.changed(given, before))
    _say_what_it_comes_to(workspace, scorecard, pairs, as_json)


@app.command(epilog="Example: heed judge page --by ada")
def page(
    version: Version = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any that is free.")] = 0,
    by: By = None,
    most: Most = 100,
    place: Place = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """The same on a page in the browser, which keeps every verdict at once; Ctrl-C ends it and says what `read` does.

    With --json that is two objects, a line each: the address, and what `read` says.
    """
    workspace = opened(place, overrides)
    from components.evaluation.people import service, verdicts

    name = verdicts.judge_named(by)
    scorecard, pairs = _evaluation(workspace, version)
    before = verdicts.everybody(workspace, scorecard.run_id).get(name, {})
    service.serve(
        pairs[:most],
        before,
        lambda said: verdicts.keep(workspace, scorecard.run_id, name, [said]),
        port,
        lambda url: say(as_json, {"url": url}, f"{name} can judge at {url}\nTo end, and see what came of it: Ctrl-C"),
    )
    _say_what_it_comes_to(workspace, scorecard, pairs, as_json)


def _evaluation(workspace: Workspace, version: int | None) -> tuple["Scorecard", list["Pair"]]:
    from components.evaluation.people.pairs import blind_pairs
    from components.registry.decisions import measured

    scorecard = measured(workspace, version)
    return scorecard, blind_pairs(workspace, scorecard)


def _say_what_it_comes_to(workspace: Workspace, scorecard: "Scorecard", pairs: list["Pair"], as_json: bool) -> None:
    from components.evaluation.people.measures import MEASURES
    from components.evaluation.people.outcome import outcome
    from components.registry.reconsidering import reconsider

    judged = outcome(workspace, scorecard, pairs)
    fuller, decision = reconsider(workspace, scorecard.challenger, MEASURES, judged.measures)
    found = {"version": fuller.challenger.version, **judged.model_dump(), "gate": decision.model_dump(mode="json")}
    say(as_json, found, _in_words(judged, fuller.challenger, decision))


def _in_words(found: "Judged", model: "ModelVersion", decision: "Decision") -> str:
    lines = [f"{by} has judged {count} of {found.pairs} pairs." for by, count in found.judged.items()]
    for name, measured in found.measures.items():
        lines.append(f"  {name} {measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}] on {measured.n}")
    does = {"promote": "would promote", "hold": "holds", "refuse": "refuses"}[decision.outcome]
    lines.append(f"On all that is measured by now the gate {does} {model.name} version {model.version}:")
    lines += [f"  - {reason}" for reason in decision.reasons]
    lines.append(f"Nothing was moved; to promote it: heed promote {model.version}")
    return "\n".join(lines)
