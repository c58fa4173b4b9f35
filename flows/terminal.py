"""What every command shares: the options they take and how they print. Knows no command.

Results go to stdout, everything else to stderr.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from components.services import note
from components.workspace import Workspace, find
from flows.engine import settle
from flows.services import MLFLOW

out = Console(highlight=False, soft_wrap=True)

GATE_SAID_NO = 3
"""Exit code."""

END_OF = {
    "promote": "was promoted: it is the champion now",
    "ask": "waits for a person: `heed promote {version}` puts it into service",
    "try": "goes into service by steps: `heed canary` says how it does",
    "hold": "was held back",
    "refuse": "was refused",
}
"""What the gate made of a challenger, as the end of a sentence."""

Place = Annotated[
    Path | None, typer.Option("--workspace", help="The workspace; default: HEED_WORKSPACE, or this folder.")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="A setting, as --set train.beta=0.2.", metavar="KEY=VALUE")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Because = Annotated[str, typer.Option("--because", help="Why, for whoever asks later.")]
Format = Annotated[str | None, typer.Option("--format", help="The format; default: found out.")]


def opened(place: Path | None, overrides: list[str] | None = None) -> Workspace:
    """The workspace a command works on, with Prefect and the libraries pointed at it."""
    workspace = find(place, tuple(overrides or ()))
    settle(workspace.root)
    return workspace


def say(as_json: bool, data: dict[str, Any], words: str) -> None:
    """The result, as one JSON object or for a person; at once, also where it goes to a pipe that somebody waits at."""
    if as_json:
        print(json.dumps(data, ensure_ascii=False), flush=True)
    else:
        out.print(words, markup=False)
        out.file.flush()


def mlflow_ui(workspace: Workspace) -> str:
    """Where the MLflow UI is on a workspace, or the command that opens it; without passwords."""
    up = note.read(workspace.state)
    if up and MLFLOW in up.addresses:
        return up.addresses[MLFLOW]
    from sqlalchemy import make_url  # takes a while, which other commands need not wait

    address = make_url(workspace.tracking_uri).difference_update_query(["password"])
    shown = address.render_as_string(hide_password=True)
    return shown if workspace.is_tracked_by_server else f"{_beside('mlflow')} ui --backend-store-uri {shown}"


def prefect_ui(workspace: Workspace) -> str:
    """The command that opens the Prefect UI on a workspace."""
    return f"PREFECT_HOME={workspace.prefect_home} {_beside('prefect')} server start"


def _beside(program: str) -> Path:
    """A program of the environment that heed runs in."""
    return Path(sys.executable).with_name(program)
