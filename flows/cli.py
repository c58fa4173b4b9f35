"""The command line: what a person types, what they read. Everything it does is a flow or a question to the registry.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 2 the input or the settings are wrong, 3 the gate
said no, 1 anything unforeseen. Libraries are imported by the commands that need them, so that `--help` is quick.
"""

import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.markup import escape

from components import outages
from components.progress import console
from components.records.errors import BadInput
from flows import deciding, judge, listening, quarantine, running, sweeping, trying, upkeep
from flows.engine import prefect
from flows.terminal import END_OF, GATE_SAID_NO, Because, Format, Json, Overrides, Place, mlflow_ui, opened, out, say

if TYPE_CHECKING:
    from components.records.handles import Scorecard
    from components.workspace import Workspace
    from flows.ingest import Landing
    from flows.retrain import Retraining

app = typer.Typer(
    help="Keeps a language model listening to its users.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command(epilog="Example: heed serve --set capture.upstream=https://api.example.com/v1")(listening.serve)
app.command(epilog="Example: heed forget ada@example.org")(listening.forget)
app.command(epilog="Example: heed up")(running.up)
app.command(epilog="Example: heed down")(running.down)
app.command(epilog='Example: heed schedule --cron "0 3 * * *" --on-feedback 200 --at-most-every 30m')(running.schedule)
app.command(epilog="Example: heed watch", hidden=True)(running.watch)
app.command(epilog="Example: heed sweep train.loss_type=sigmoid,ipo train.beta=0.05,0.1,0.3 --trials 4")(sweeping.sweep)
app.command(epilog="Example: heed canary")(trying.canary)
app.command(epilog="Example: heed doctor")(upkeep.doctor)
app.command(epilog="Example: heed backup ../work.tar.zst")(upkeep.backup)
app.command(epilog="Example: heed restore work.tar.zst elsewhere/work")(upkeep.restore)
app.command(epilog="Example: heed gc --keep 5 --yes")(upkeep.gc)
app.command(epilog="Example: heed report --html report.html")(deciding.report)
app.command(epilog="Example: heed trace 4f0c1a…")(deciding.trace)
app.command(epilog='Example: heed accept 3 --because "the new source is wanted"')(deciding.accept)
app.add_typer(listening.keys, name="keys")
app.add_typer(listening.signals, name="signals")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(judge.app, name="judge")


@app.command(epilog="Example: heed init work && cd work")
def init(directory: Annotated[Path, typer.Argument(help="The folder.")] = Path(), as_json: Json = False) -> None:
    """Make a workspace: heed.toml, git and DVC, an empty dataset."""
    from components.registry.gate import DEFAULT_POLICY
    from components.validation.expectations.suites import shipped
    from components.workspace.creation import create

    workspace = create(directory, DEFAULT_POLICY.read_text(), shipped())
    say(
        as_json,
        {"workspace": str(workspace.root)},
        f"A workspace in {workspace.root}.\nNext: heed ingest FILE, or heed simulate, then heed retrain.",
    )


@app.command(epilog="Example: heed ingest feedback.jsonl.gz preferences.parquet mlflow:support-bot")
def ingest(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files (JSONL, JSON, Parquet, CSV; plain, gzip, zstd), or mlflow:EXPERIMENT for its traces; "
            "default: what the capture service heard."
        ),
    ] = None,
    format: Format = None,
    place: Place = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Land feedback, preferences, or what was captured; nothing lands twice."""
    workspace = opened(place, overrides)
    with prefect(workspace, "flows.collect", "components.validation.expectations.checkpoint"):
        from flows.collect import collect
        from flows.ingest import ingest as flow

        landing = flow(workspace, sources, format) if sources else collect(workspace)
    _say_landing(as_json, landing)


@app.command(epilog="Example: heed simulate --conversations 500 --seed 7")
def simulate(
    conversations: Annotated[int, typer.Option(min=1, help="How many prompts are asked.")] = 500,
    seed: Annotated[int, typer.Option(help="Who asks what, and how they react.")] = 0,
    sample: Annotated[
        bool, typer.Option("--sample", help="Only write the sample that data.dvc of heed's repository pins.")
    ] = False,
    place: Place = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Land feedback from simulated users who talk to the champion, the base model, or a script."""
    workspace = opened(place, overrides)
    if sample:
        from flows.sample import place_sample

        placed = place_sample(workspace)
        say(as_json, placed, f"The sample is in {workspace.data}: {placed['preferences']} preferences.")
        return
    with prefect(workspace, "flows.simulate", "components.validation.expectations.checkpoint"):
        from flows.simulate import simulate as flow

        landing = flow(workspace, conversations, seed)
    _say_landing(as_json, landing)


@app.command(epilog="Example: heed retrain --set train.beta=0.2")
def retrain(
    force: Annotated[bool, typer.Option("--force", help="Train again though nothing is new.")] = False,
    place: Place = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """The whole loop once: train a challenger, measure it, promote it if the gate says so."""
    workspace = opened(place, overrides)
    with prefect(workspace, "flows.retrain"):
        from flows.retrain import retrain as flow

        done = flow(workspace, force)
    say(as_json, done.model_dump(mode="json"), _retraining(done))
    if done.outcome not in ("promote", "try", "nothing new"):
        raise typer.Exit(GATE_SAID_NO)


@app.command(epilog="Example: heed status --json")
def status(place: Place = None, as_json: Json = False) -> None:
    """Dataset version, champion, challenger, what landed since the last retraining, and when the next one starts."""
    workspace = opened(place)
    from components.registry.standing import standing
    from components.validation.expectations import last

    now = standing(workspace, quarantine.waiting(workspace), [found.in_words() for found in last(workspace)])
    by_itself, told = running.by_itself(workspace)
    say(as_json, now.model_dump(mode="json") | {"by_itself": by_itself}, f"{now.in_words()}\n{told}")


@app.command(epilog="Example: heed compare 1 2 --html comparison.html")
def compare(
    first: Annotated[int | None, typer.Argument(help="A version; default: the last but one with a scorecard.")] = None,
    second: Annotated[int | None, typer.Argument(help="Another; default: the last with a scorecard.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write it as one page, to this file.")] = None,
    place: Place = None,
    as_json: Json = False,
) -> None:
    """Scorecards side by side, and the way into the MLflow UI."""
    workspace = opened(place)
    from components.registry.comparison import comparison, table
    from components.tracking import retrainings_in

    cards = comparison(workspace, first, second)
    if html:
        _write_page(workspace, cards, html)
    if as_json:
        say(True, {str(version): card.model_dump(mode="json") for version, card in cards.items()}, "")
        return
    out.print(table(cards))
    if html:
        out.print(f"The page: {html}", markup=False)
    ui = mlflow_ui(workspace)
    out.print(f"In the MLflow UI: {retrainings_in(ui, workspace) if _is_served(ui) else ui}")


@app.command(epilog='Example: heed promote 3 --because "asked for by support"')
def promote(
    version: Annotated[int, typer.Argument(help="The version that shall be champion.")],
    because: Because = "by hand",
    place: Place = None,
    as_json: Json = False,
) -> None:
    """Make a version the champion, with the reason recorded."""
    workspace = opened(place)
    from components.registry import approval, models

    model = models.version_named(workspace, version)
    approval.promote_by_hand(workspace, model, because)
    if "PREFECT_API_URL" in os.environ:
        from flows.approving import answer_those_who_wait

        answer_those_who_wait(workspace, model, because)
    say(as_json, {"champion": version}, f"{model.name} version {version} is the champion.")


@app.command(epilog='Example: heed rollback --because "too long-winded"')
def rollback(because: Because = "by hand", place: Place = None, as_json: Json = False) -> None:
    """Give the champion's place back to the version it succeeded; or a canary's users back to the champion."""
    workspace = opened(place)
    from components.registry.going_back import go_back

    done = go_back(workspace, because)
    say(as_json, asdict(done), done.in_words())


@app.command(epilog="Example: heed history --json")
def history(place: Place = None, as_json: Json = False) -> None:
    """Every time a version came into service or left it: when, who, why."""
    workspace = opened(place)
    from components.registry.history import moves

    made = moves(workspace)
    told = "\n".join(move.in_words() for move in made) or "There has been no champion yet."
    say(as_json, {"moves": [move.model_dump() for move in made]}, told)


@app.command(epilog="Example: heed ratings")
def ratings(place: Place = None, as_json: Json = False) -> None:
    """How often every version would win against the champion, though each was compared with one other only."""
    workspace = opened(place)
    from components.registry import models
    from components.registry.decisions import scorecards
    from components.registry.ratings import in_words, matches, ratings

    champion = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    if not champion:
        raise BadInput("there is no champion", "the registry", "Run `heed retrain` first.")
    rated = ratings(matches(scorecards(workspace).values(), "policy/win_rate"), champion.version)
    told = {version: found.model_dump() for version, found in rated.items()}
    say(as_json, {"champion": champion.version, "ratings": told}, in_words(rated, champion.version))


def _write_page(workspace: "Workspace", cards: "dict[int, Scorecard]", file: Path) -> None:
    from components.registry.comparison_page import page, told
    from components.workspace.files import place_text

    ui = mlflow_ui(workspace)
    try:
        place_text(file, page(told(workspace, cards, ui if _is_served(ui) else ""), "" if _is_served(ui) else ui))
    except OSError as error:
        raise BadInput(f"the page cannot be written: {error.strerror}", file, "Name another file.") from None


def _is_served(ui: str) -> bool:
    """Whether what `mlflow_ui` says is an address, and not the command that would serve it."""
    return ui.startswith("http")


def main() -> None:
    """Run a command; errors a person can mend are one line and exit code 2."""
    _end_in_order()
    try:
        app(standalone_mode=True)
    except BadInput as error:
        _say_what_is_wrong(error)
    except Exception as error:
        away = outages.said(error, Path.cwd())
        if away is None:
            raise
        _say_what_is_wrong(away)


def _say_what_is_wrong(error: BadInput) -> NoReturn:
    console.print(f"[red]heed:[/] {escape(str(error))}", soft_wrap=True)
    sys.exit(2)


def _end_in_order() -> None:
    """Ended from outside, a command still stops what it started, as Prefect's temporary server."""

    def end(*_: object) -> None:
        sys.exit(128 + signal.SIGTERM)

    def end_again(ignored: "sys.UnraisableHookArgs") -> None:
        # Python goes on after whatever a finalizer raises, and a signal may come in the midst of one.
        if isinstance(ignored.exc_value, SystemExit):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
        else:
            sys.__unraisablehook__(ignored)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGALRM, end)
    sys.unraisablehook = end_again


def _say_landing(as_json: bool, landing: "Landing") -> None:
    say(as_json, landing.model_dump(mode="json"), _landing(landing))


def _landing(landing: "Landing") -> str:
    new = ", ".join(f"{count} {kind}" for kind, count in landing.landed.items() if count) or "nothing new"
    lines = [
        f"Landed {new}.",
        f"Dataset version {landing.dataset.hash[:12]} holds {landing.dataset.preferences} preferences.",
    ]
    if landing.expected and landing.expected.failures:
        lines += [f"Of what is expected, {landing.expected.in_words()}:"]
        lines += [f"  - {failure}" for failure in landing.expected.failures]
    if landing.held:
        lines.append(f"{landing.held} rows went to quarantine; `heed quarantine list` says why.")
    return "\n".join(lines)


def _retraining(done: "Retraining") -> str:
    if done.report:
        lines = [f"Nothing was trained: the {done.outcome.replace(' ', ' was ')} by the data gate."]
        lines += [f"  - {reason}" for reason in done.reasons]
        lines.append(f"Why, with pictures: {done.report}")
        lines.append('To train on it all the same: heed accept --because "…", then heed retrain.')
        return "\n".join(lines)
    assert done.challenger
    if done.outcome == "nothing new":
        return (
            f"Nothing new since version {done.challenger.version}, made of dataset version {done.dataset.hash[:12]}: "
            "nothing was trained. `heed retrain --force` trains all the same."
        )
    assert done.scorecard
    ended = END_OF[done.outcome].format(version=done.challenger.version)
    lines = [f"{done.challenger.name} version {done.challenger.version} {ended}."]
    lines += [f"  - {reason}" for reason in done.reasons]
    for name in ("policy/win_rate", "reward/accuracy", "reward/ece"):
        found = done.scorecard.measures[name]
        lines.append(f"  {name} {found.value:.3f} [{found.low:.3f}, {found.high:.3f}] on {found.n}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
