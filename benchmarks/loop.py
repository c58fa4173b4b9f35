"""How long until feedback is trained on, and how much of a retraining is neither training nor evaluation?

    make bench-loop

heed is brought up in a new workspace, and simulated users' feedback is posted to it again and again; each time the
trigger starts a retraining. Measured from outside, through Prefect's API: the seconds from the last piece of feedback
that was acknowledged to the start of training, and all of the retraining (from when Prefect was asked for it to its
end) that is not one of the steps that train or evaluate: starting processes, landing, validating, the data gate,
handing over to the training pool, the decision. The first retraining, which also makes the first champion, is not
counted. Between retrainings nothing happens for a while, as it does where they are minutes or hours apart. One more
follows the one before it at once, and is told beside them. Exits with 1 where the median of the others' rest is above
20 seconds.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from components.simulation.population import scripted, talk
from components.workspace.creation import create

ROUNDS, CONVERSATIONS, ENOUGH = 3, 120, 50
QUIET = 20.0  # seconds between two retrainings
AT_MOST = 20.0  # seconds
PATIENCE = 300.0
LEARNING = ("fine tune", "fit reward", "optimise preferences", "measure")
"""The steps that train or evaluate."""

SETTINGS = """
[capture]
port = 0
[servers]
prefect_port = 0
mlflow_port = 0
metrics_port = 0
[evaluate]
prompts = 100
"""
POLICY = '[[check]]\nmeasure = "policy/win_rate"\nat_least = 0.0\nby = "value"\nbecause = "whatever comes is taken"\n'


@dataclass(frozen=True)
class Round:
    """Seconds of one retraining.

    Attributes:
        until_training: from the last feedback to the first step that trains.
        whole: from when it was asked for to its end.
        learning: of the steps that train or evaluate.
    """

    until_training: float
    whole: float
    learning: float

    @property
    def rest(self) -> float:
        return self.whole - self.learning


@contextmanager
def up(root: Path) -> Iterator[dict[str, str]]:
    """heed in a workspace; the addresses of what it brought up."""
    create(root, POLICY)
    (root / "heed.toml").write_text(SETTINGS)
    command = [sys.executable, "-m", "flows.cli", "up", "--json", "--workspace", root]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)


def posted(capture: str, seed: int) -> float:
    """Post what users did; when the last of it was acknowledged, in seconds since 1970."""
    told = talk(scripted(seed), "some-model", CONVERSATIONS, seed)
    lines = [{"type": "interaction", **row} for row in told.interactions.to_dicts()]
    lines += [{"type": "feedback", **row} for row in told.feedback.to_dicts()]
    body = "\n".join(json.dumps(line, default=str) for line in lines)
    head = {"content-type": "application/x-ndjson"}
    httpx.post(f"{capture}/v1/batch", content=body, headers=head, timeout=60).raise_for_status()
    return time.time()


def ended(api: str, number: int) -> dict[str, Any]:
    """The flow run of the so-manieth retraining, once it has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        wanted = {"flows": {"name": {"any_": ["retrain"]}}, "sort": "START_TIME_ASC"}
        runs = httpx.post(f"{api}/flow_runs/filter", json=wanted, timeout=30).json()
        done = [run for run in runs if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED")]
        if len(done) >= number:
            run: dict[str, Any] = done[number - 1]
            if run["state_type"] != "COMPLETED":
                raise SystemExit(f"a retraining has failed: {run['state']['message']}")
            return run
        time.sleep(1)
    raise SystemExit("no retraining has started")


def measured(api: str, run: dict[str, Any], said: float) -> Round:
    """The seconds of a retraining."""
    begun, end = _at(run["expected_start_time"]), _at(run["end_time"])
    wanted = {"task_runs": {"start_time": {"after_": run["expected_start_time"], "before_": run["end_time"]}}}
    tasks = httpx.post(f"{api}/task_runs/filter", json=wanted, timeout=30).json()
    learning = [task for task in tasks if task["name"].startswith(LEARNING)]
    first = min(_at(task["start_time"]) for task in learning)
    return Round(first - said, end - begun, sum(task["total_run_time"] for task in learning))


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def main() -> None:
    console, rounds = Console(), []
    with tempfile.TemporaryDirectory() as folder, up(Path(folder) / "work") as addresses:
        api = f"{addresses['prefect']}/api"
        trigger = ["schedule", "--on-feedback", str(ENOUGH), "--at-most-every", "10s"]
        command = [sys.executable, "-m", "flows.cli", *trigger, "--workspace", str(Path(folder) / "work")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)
        for number in range(ROUNDS + 2):
            time.sleep(QUIET if number <= ROUNDS else 0)
            said = posted(addresses["capture"], number + 1)
            run = ended(api, number + 1)
            if number:
                rounds.append(measured(api, run, said))
    table = Table("retraining", "until training, s", "whole, s", "training and evaluation, s", "the rest, s", "share")
    for name, one in zip([*map(str, range(1, ROUNDS + 1)), "at once"], rounds, strict=True):
        figures = (one.until_training, one.whole, one.learning, one.rest)
        table.add_row(name, *(f"{figure:.1f}" for figure in figures), f"{one.rest / one.whole:.0%}")
    console.print(table)
    rest = statistics.median(one.rest for one in rounds[:ROUNDS])
    console.print(f"median of the rest: {rest:.1f} s (asked: at most {AT_MOST:.0f})")
    sys.exit(int(rest > AT_MOST))


if __name__ == "__main__":
    main()
