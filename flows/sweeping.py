"""The command that tries several settings: what a person types, and the table they read."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from components.config.grid import draw, points
from flows.engine import prefect
from flows.terminal import END_OF, GATE_SAID_NO, Json, Overrides, Place, opened, out, say

if TYPE_CHECKING:
    from components.records.handles import Estimate, Trial
    from flows.sweep import Sweep


def sweep(
    settings: Annotated[
        list[str], typer.Argument(help="What to try, as train.beta=0.1,0.3; every combination.", metavar="KEY=A,B…")
    ],
    trials: Annotated[
        int | None,
        typer.Option("--trials", min=1, help="Try so many combinations, drawn at random by train.seed; default: all."),
    ] = None,
    place: Place = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Try several settings; the best by the validation side is measured, and promoted if the gate says so."""
    workspace = opened(place, overrides)
    grid = points(settings, workspace.settings)
    drawn = draw(grid, trials or len(grid), workspace.settings.train.seed)
    with prefect(workspace, "flows.sweep"):
        from flows.sweep import sweep as flow

        done = flow(workspace, drawn)
    if not as_json and done.trials:
        out.print(_table(done))
    say(as_json, done.model_dump(mode="json") | {"settings": done.settings}, _in_words(done))
    if done.outcome not in ("promote", "try", "nothing new"):
        raise typer.Exit(GATE_SAID_NO)


def _table(done: "Sweep") -> Table:
    """A row a trial, with what it was chosen or lost by."""
    columns = (*(key.removeprefix("train.") for key in done.settings), "win rate", "at equal length", "training", "")
    shown = Table(
        *columns, title="Against the champion, on the validation side", title_justify="left", box=None, pad_edge=False
    )
    for number, trial in enumerate(done.trials):
        end = "failed" if trial.failed else "chosen" if number == done.best else ""
        shown.add_row(*map(str, trial.settings.values()), *_found(trial), end)
    return shown


def _found(trial: "Trial") -> list[str]:
    from components.registry.trials import WINS

    win_rate = _interval(trial.measures[WINS]) if trial.measures else ""
    controlled = "" if trial.at_equal_length is None else f"{trial.at_equal_length:.2f}"
    return [win_rate, controlled, f"{trial.trained.seconds:.0f} s" if trial.trained else ""]


def _interval(found: "Estimate") -> str:
    return f"{found.value:.2f} \\[{found.low:.2f}, {found.high:.2f}]"


def _in_words(done: "Sweep") -> str:
    if done.report:
        lines = [f"Nothing was trained: the {done.outcome.replace(' ', ' was ')} by the data gate."]
        lines += [f"  - {reason}" for reason in done.reasons]
        return "\n".join([*lines, f"Why, with pictures: {done.report}"])
    assert done.challenger
    model = f"{done.challenger.name} version {done.challenger.version}"
    lines = [f"Failed: {_named(trial.settings)}: {trial.failed}" for trial in done.trials if trial.failed]
    lines += [f"Best of {len(done.trials)} on the validation side: {_named(done.settings)}, which is {model}."]
    if done.outcome == "nothing new":
        lines.append(f"It was decided on before, and nothing is new since: `heed compare {done.challenger.version}`.")
    elif done.scorecard:
        lines.append(f"On the test side it {END_OF[done.outcome].format(version=done.challenger.version)}.")
        lines += [f"  - {reason}" for reason in done.reasons]
    lines += ["To train with these settings from now on, in heed.toml:", "", "[train]"]
    lines += [f"{key.removeprefix('train.')} = {json.dumps(value)}" for key, value in done.settings.items()]
    return "\n".join(lines)


def _named(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
