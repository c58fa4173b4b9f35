"""What is lost, doubled or damaged when retraining is killed again and again?

    make bench-crash

Simulated users' feedback lies in the capture store; one retraining takes it in, trains and decides, undisturbed. Then
the same in copies of that workspace, killed with SIGKILL at random moments, Prefect's temporary server and all, and
started again each time, until it ends. When sixty kills are spread, every copy is compared with the undisturbed one.
Exits with 1 where anything is lost, doubled, damaged or left over. `--seed N` kills at other moments.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import polars as pl
import psutil
from rich.console import Console
from rich.table import Table
from safetensors import safe_open

from components.feedback.capture.store import Event, Store
from components.records.schemas import KINDS
from components.registry import models
from components.registry.decisions import scorecard_of
from components.simulation.population import scripted, talk
from components.tracking import client
from components.workspace import Workspace, find, pinning, versions
from components.workspace.creation import create

KILLS, CONVERSATIONS = 60, 140
SETTINGS = """
[sft]
max_length = 256
[train]
max_length = 256
checkpoint_steps = 2
[evaluate]
prompts = 20
max_new_tokens = 16
resamples = 200
"""
POLICY = '[[check]]\nmeasure = "policy/win_rate"\nat_least = 0.0\nby = "value"\nbecause = "whatever comes is taken"\n'
DONE = (0, 3)
"""Exit codes of a retraining that came to its end."""

DAMAGES = (
    "events lost",
    "events doubled",
    "records lost",
    "records doubled",
    "dataset versions that differ",
    "dataset versions not whole after a kill",
    "model versions lost",
    "model versions doubled",
    "models that differ",
    "decisions that differ",
    "champions not loadable after a kill",
    "starts refused",
    "files left over",
    "runs that still seem to run",
)
LEFT_OVER = ("shelves-*", "batch-*", "**/*.part", "runs/*/checkpoint-*", "**/.*.parquet.*", "**/.*.json.*")


def prepared(root: Path) -> Workspace:
    """A workspace whose capture store has heard everything and that has landed nothing."""
    workspace = create(root, POLICY)
    (root / "heed.toml").write_text(SETTINGS)
    workspace.state.mkdir(exist_ok=True)
    told = talk(scripted(3), "some-model", CONVERSATIONS, 3)
    with closing(Store(workspace.capture_store)) as store:
        for kind, frame in (("interaction", told.interactions), ("feedback", told.feedback)):
            rows = frame.with_columns(pl.col("created_at").dt.to_string("iso:strict")).to_dicts()
            store.append([_event(kind, row) for row in rows])
    return find(root)


def _event(kind: str, row: dict[str, Any]) -> Event:
    body = json.dumps({"type": kind, **row}, ensure_ascii=False).encode()
    return Event(row["id"], kind, row.get("interaction"), row["user"], body)


def retraining(root: Path) -> "subprocess.Popen[bytes]":
    """One retraining, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "retrain", "--json", "--workspace", root],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def killed(process: "subprocess.Popen[bytes]", after: float) -> bool:
    """Kill a process and all it started after so many seconds; False where it has ended by then."""
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=after)
        return False
    for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return True


def harmed(workspace: Workspace) -> Counter[str]:
    """What a kill has left that nobody may find: half a version, a champion that cannot be loaded."""
    found: Counter[str] = Counter()
    if not pinning.is_here(workspace, pinning.pinned_hash(workspace)):
        found["dataset versions not whole after a kill"] += 1
    if not (workspace.state / "mlflow.db").exists():
        return found
    try:
        champion = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    except Exception:  # the store is being made
        return found
    if champion and not _loads(models.folder_of(workspace, champion)):
        found["champions not loadable after a kill"] += 1
    return found


def _loads(folder: Path) -> bool:
    try:
        with safe_open(folder / "model.safetensors", "np") as weights:
            return (folder / "tokenizer.json").exists() and len(list(weights.keys())) > 0
    except Exception:
        return False


def facts(workspace: Workspace) -> dict[str, Any]:
    """All that has to be as in an undisturbed run."""
    digest = pinning.pinned_hash(workspace)
    with closing(Store(workspace.capture_store)) as store:
        events = [hashlib.sha256(kept.body).hexdigest() for kept in store.after(0, 10**9)]
    registered = [model for name in (models.POLICY, models.REWARD) for model in models.versions(workspace, name)]
    return {
        "dataset": digest,
        "events": Counter(events),
        "records": {kind: Counter(versions.read(workspace, digest, kind)["id"]) for kind in KINDS},
        "models": Counter(f"{model.name}:{model.step}" for model in registered),
        "weights": {f"{model.name}:{model.step}": _weights(models.folder_of(workspace, model)) for model in registered},
        "decisions": [_decision(workspace, model) for model in registered],
    }


def _decision(workspace: Workspace, model: Any) -> tuple[Any, ...]:
    aliases = client(workspace).get_model_version(model.name, str(model.version)).aliases
    card = scorecard_of(workspace, model)
    measured = {name: estimate.value for name, estimate in card.measures.items()} if card else {}
    steady = {name: value for name, value in measured.items() if "seconds" not in name and "tokens" not in name}
    return (f"{model.name}:{model.step}", models.tag(workspace, model, "heed.decision"), sorted(aliases), steady)


def _weights(folder: Path) -> str:
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".safetensors", ".npz", ".json"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def compared(workspace: Workspace, wanted: dict[str, Any]) -> Counter[str]:
    """The damage in a workspace whose retraining has come to its end at last."""
    got = facts(workspace)
    both = {"events": [(wanted["events"], got["events"])]}
    both["records"] = [(wanted["records"][kind], got["records"][kind]) for kind in KINDS]
    both["model versions"] = [(wanted["models"], got["models"])]
    found: Counter[str] = Counter()
    for what, pairs in both.items():
        found[f"{what} lost"] = sum((before - after).total() for before, after in pairs)
        found[f"{what} doubled"] = sum((after - before).total() for before, after in pairs)
    found["dataset versions that differ"] = int(got["dataset"] != wanted["dataset"])
    found["models that differ"] = sum(got["weights"].get(name) != kept for name, kept in wanted["weights"].items())
    found["decisions that differ"] = int(got["decisions"] != wanted["decisions"])
    found["files left over"] = len({file for pattern in LEFT_OVER for file in workspace.state.glob(pattern)})
    with closing(sqlite3.connect(workspace.prefect_home / "prefect.db")) as prefect:
        running = "select count(*) from flow_run where state_type in ('RUNNING', 'PENDING', 'CANCELLING')"
        found["runs that still seem to run"] = prefect.execute(running).fetchone()[0]
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=KILLS)
    wanted = parser.parse_args()
    console, draw = Console(), random.Random(wanted.seed)
    with tempfile.TemporaryDirectory() as folder:
        seed = prepared(Path(folder) / "seed")
        calm = find(Path(shutil.copytree(seed.root, Path(folder) / "calm")))
        begun = time.monotonic()
        process = retraining(calm.root)
        _, said = process.communicate()
        usual = time.monotonic() - begun
        assert process.returncode in DONE, said.decode()[-2000:]
        undisturbed = facts(calm)
        console.print(f"undisturbed: {usual:.0f} s, {undisturbed['models'].total()} model versions")
        damage, kills, rounds = _rounds(seed, Path(folder), usual, undisturbed, wanted.kills, draw, console)
    table = Table("damage", "count", title=f"{kills} SIGKILLs spread over {rounds} retrainings of {usual:.0f} s")
    for name in DAMAGES:
        table.add_row(name, str(damage[name]))
    console.print(table)
    sys.exit(int(damage.total() > 0 or kills < wanted.kills))


def _rounds(
    seed: Workspace,
    folder: Path,
    usual: float,
    undisturbed: dict[str, Any],
    kills: int,
    draw: random.Random,
    told: Console,
) -> tuple[Counter[str], int, int]:
    damage: Counter[str] = Counter()
    done = rounds = 0
    while done < kills:
        rounds += 1
        workspace = find(Path(shutil.copytree(seed.root, folder / f"round-{rounds}")))
        here: list[float] = []
        while True:
            process = retraining(workspace.root)
            moment = draw.uniform(0, usual)
            if done < kills and killed(process, moment):
                done += 1
                here.append(moment)
                damage += harmed(workspace)
                continue
            _, said = process.communicate() if process.poll() is None else (b"", b"")
            break
        if process.returncode not in DONE:
            damage["starts refused"] += 1
            told.print(said.decode()[-2000:], markup=False)
            continue
        found = compared(workspace, undisturbed)
        damage += found
        moments = ", ".join(f"{moment:.0f}" for moment in here)
        told.print(
            f"round {rounds}: {done} kills so far, at {moments} s; damage: {dict(+found) or 'none'}", markup=False
        )
        if found.total():
            kept = Path(tempfile.mkdtemp(prefix="heed-damaged-"))
            shutil.move(workspace.root, kept)
            told.print(f"kept in {kept}", markup=False)
    return damage, done, rounds


if __name__ == "__main__":
    main()
