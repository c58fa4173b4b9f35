"""The demo: the loop twice, from nothing to a promoted model, in a scratch workspace.

    python -m flows.demo [DIRECTORY] [SEED]

Only the users are simulated. The base model, the datasets, the training, the scorecard, the gate and the registry are
the real thing.
"""

import json
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from components.progress import console
from components.records.errors import BadInput
from components.records.handles import Estimate
from components.workspace import Workspace, find
from components.workspace.creation import create
from components.workspace.files import place_text
from flows.engine import prefect, settle
from flows.terminal import mlflow_ui, prefect_ui

if TYPE_CHECKING:
    from flows.ingest import Landing
    from flows.retrain import Retraining

CONVERSATIONS = (800, 2400)  # with the base model, and with the first champion
PRETRAINING = 8000  # conversations the base model learns the language from
SETTINGS = """# What the demo sets; everything else is at its default.

[base]
model = "base-model"  # made here, from simulated conversations

[train]
epochs = 2.0
sft_weight = 1.0

[evaluate]
max_new_tokens = 64  # no answer of the simulated world is longer
"""


@dataclass(frozen=True)
class Told:
    """What the demo found, for its summary and for the benchmarks.

    Attributes:
        win_rate: of the challenger over the first champion, by the users' true tastes, on held-out prompts.
        seconds: stage to the time it took.
    """

    workspace: Workspace
    first: "Landing"
    second: "Landing"
    retraining: "Retraining"
    win_rate: Estimate
    seconds: dict[str, float]


def demo(root: Path, seed: int) -> Told:
    """Run the loop twice in `root`, which is made anew."""
    clock = _Clock()
    workspace = _scratch(root)
    with prefect(workspace):
        return _loop_twice(workspace, seed, clock)


def _loop_twice(workspace: Workspace, seed: int, clock: "_Clock") -> Told:
    from flows.challenge import first_champion
    from flows.retrain import retrain
    from flows.simulate import simulate
    from flows.truth import make_base_model, true_win_rate

    clock.lap("start")
    console.print("[bold]1[/] A base model, and users who talk to it")
    make_base_model(workspace, PRETRAINING, seed)
    clock.lap("base model")
    first = simulate(workspace, CONVERSATIONS[0], seed)
    clock.lap("first feedback")
    console.print("[bold]2[/] Their feedback is dataset version 1; the model learns from it and goes into service")
    champion = first_champion(workspace, first.dataset)
    clock.lap("first champion")
    console.print("[bold]3[/] Users talk to the champion; the loop runs on what they leave behind")
    second = simulate(workspace, CONVERSATIONS[1], seed + 1)
    clock.lap("second feedback")
    retraining = retrain(workspace)
    assert retraining.challenger, f"the data gate let nothing be trained: {retraining.reasons}"
    clock.lap("retrain")
    win_rate = true_win_rate(workspace, second.dataset, retraining.challenger, champion)
    clock.lap("check against the truth")
    return Told(workspace, first, second, retraining, win_rate, clock.laps)


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self.last = now - self.last, now


def _scratch(root: Path) -> Workspace:
    from components.registry.gate import DEFAULT_POLICY
    from components.validation.expectations.suites import shipped

    if root.exists() and not (root / "heed.toml").exists() and any(root.iterdir()):
        raise BadInput("this folder is not a demo's", root, "Name an empty one.")
    shutil.rmtree(root, ignore_errors=True)
    workspace = create(root, DEFAULT_POLICY.read_text(), shipped())
    place_text(workspace.root / "heed.toml", SETTINGS)
    settle(workspace.root)
    return find(workspace.root)


def summary(told: Told) -> Panel:
    """What a person wants to know at a glance."""
    done = told.retraining
    assert done.scorecard
    assert done.challenger
    measures = done.scorecard.measures
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column()
    for name, landing in (("version 1", told.first), ("version 2", told.second)):
        new = f"{landing.landed['interactions']} answers and {landing.landed['feedback']} pieces of feedback landed"
        held = f"{landing.dataset.hash[:12]}: {landing.dataset.preferences} preferences"
        rows.add_row(f"dataset {name}", f"{held} ({new})")
    rows.add_row(
        "win rate",
        f"{_shown(told.win_rate)} of version {done.challenger.version} over version "
        f"{done.scorecard.champion.version}, by the users' true tastes",
    )
    rows.add_row("", f"{_shown(measures['policy/win_rate'])} by the reward model, which is all the gate knows")
    rows.add_row(
        "reward model",
        f"accuracy {_shown(measures['reward/accuracy'])}, calibration error {_shown(measures['reward/ece'])}",
    )
    outcome = {"promote": "[green]promoted[/]", "hold": "[yellow]held[/]"}.get(done.outcome, "[red]refused[/]")
    rows.add_row("gate", f"{outcome}: {done.reasons[0]}")
    for reason in done.reasons[1:]:
        rows.add_row("", reason)
    rows.add_row("took", f"{sum(told.seconds.values()):.0f} s")
    return Panel(rows, title="heed: the loop, twice", expand=False)


def onward(workspace: Workspace) -> dict[str, str]:
    """The commands that look at what the demo left behind, each whole on its line, to be copied."""
    return {
        "compare the runs": mlflow_ui(workspace),
        "see the flows": prefect_ui(workspace),
        "go on": f"source {sys.prefix}/bin/activate; cd {workspace.root}; heed status; heed compare",
    }


def _shown(found: Estimate) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]".replace("[", "\\[")


def main() -> None:
    """Run the demo and print its summary; the numbers are kept in `demo.json` of the workspace."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(".demo")
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    try:
        told = demo(root.resolve(), seed)
    except BadInput as error:
        console.print(f"heed: {error}", style="red", markup=False)
        sys.exit(2)
    kept = asdict(told) | {"workspace": str(told.workspace.root), "outcome": told.retraining.outcome}
    place_text(
        told.workspace.state / "demo.json", json.dumps(kept, default=lambda handle: handle.model_dump(mode="json"))
    )
    screen = Console(highlight=False, width=140)
    screen.print(summary(told))
    for purpose, command in onward(told.workspace).items():
        screen.print(f"{purpose}:\n  {command}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
