"""What does it cost to make a validated, split, DVC-versioned dataset of a million pieces of feedback?

    make bench-data        (python -m benchmarks.data 10000000 for as many)

Simulated users leave every kind of feedback; their conversations are copied under other names, with other words and
on other days, until there are enough, and written as heed's own events, interactions and feedback. heed ingests the
file through its flow, Prefect and all, in a process of its own, and splits what it made. Memory is that of the process
and its children, which the temporary Prefect server is one of, at its highest. A workspace has landed one line before,
so that Prefect has made its database: that takes 6 s once, whatever lands.

The peer does the same work as one would by hand: pandas, a row at a time where there is no column for it. It gets a
tenth of the events, and heed's time for the same tenth is what it is compared with. It looks for no near duplicates,
reads no words, and doubts nothing.

At the end ten thousand more pieces of feedback, half of the people known, land on a million and on nothing.
Exits with 1 where a million take more than 90 seconds or 4 GB, or adding to them more than twice what adding to nothing
takes.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import psutil
from rich.console import Console
from rich.table import Table

from components.records.threads import threads
from components.simulation.population import scripted, talk
from components.workspace import find, pinning
from components.workspace.creation import create

EVENTS, MORE = 1_000_000, 10_000
SECONDS, GIGABYTES, TIMES = 90, 4.0, 2.0
CONVERSATIONS, FEWER, NOISE = 30_000, 3800, 0.05
MINUTES = 60 * 24 * 60  # over which copies of a sitting are spread
ONE = '{"type": "interaction", "id": "one", "prompt": "How do I bake bread?", "response": "Mix flour and water."}'
NEW = 999_999  # the copy of people whom no one knows
POLICY = "# nothing is promoted here\n"
STAGES = ("read and validate", "make preferences", "split", "version", "expectations")
"""Into which the tasks of heed fall; learning what to doubt, validating what was made and writing it are part of the
second. The peer expects nothing."""

CHILD = """
import json, sys, time
from pathlib import Path
begun = time.monotonic()
from components.workspace import find
from flows.engine import prefect, settle

workspace = find(Path(sys.argv[1]))
settle(workspace.root)
used = ("flows.ingest", "components.preferences.sharing", "components.validation.expectations.checkpoint")
with prefect(workspace, *used):
    from prefect.client.orchestration import get_client
    from components.preferences.sharing import share_out
    from components.workspace import pinning, versions
    from flows.ingest import ingest

    ready = time.monotonic()
    landing = ingest(workspace, [sys.argv[2]])
    landed = time.monotonic()
    preferences = versions.scan(workspace, landing.dataset.hash, "preferences")
    sides = share_out(preferences, workspace.settings.split, workspace.splits)
    done = time.monotonic()
    client = get_client(sync_client=True)
    runs = sorted(client.read_task_runs(), key=lambda run: run.start_time)
    seconds = {run.name.rsplit("-", 1)[0]: run.total_run_time.total_seconds() for run in runs}
    print(json.dumps({
        "start": ready - begun, "ingest": landed - ready, "split": done - landed, "tasks": seconds,
        "landed": landing.landed, "held": landing.held, "train": (sides["side"] == "train").sum(),
    }))
"""


@dataclass(frozen=True)
class Run:
    """What landing a file took.

    Attributes:
        seconds: in all, from the start of the process to its end.
        stages: seconds of each of `STAGES`, and of starting Python and Prefect.
        gigabytes: memory at its highest.
        landed: kind of record to how many landed.
        held: how many rows went to quarantine: what is doubted or suspected.
    """

    seconds: float
    stages: dict[str, float]
    gigabytes: float
    landed: dict[str, int]
    held: int


def write_events(file: Path, told: tuple[pl.DataFrame, pl.DataFrame], events: int, copies: Iterable[int]) -> None:
    """Write so many pieces of feedback and the interactions they are about, a copy of what was told at a time."""
    with file.open("wb") as out:
        left = events
        interactions, all_feedback = told
        for copy in copies:
            feedback = all_feedback.head(left)
            if feedback.is_empty():
                return
            asked = interactions.filter(pl.col("created_at") <= feedback["created_at"].max())
            left -= feedback.height
            for kind, frame in (("interaction", asked), ("feedback", feedback)):
                rows = _copied(frame, copy).select(pl.lit(kind).alias("type"), pl.exclude("source"))
                out.write(rows.with_columns(pl.col("created_at").dt.to_string("iso:strict")).write_ndjson().encode())


def _copied(frame: pl.DataFrame, copy: int) -> pl.DataFrame:
    """The same by other people, under other ids, in conversations that begin with other words, each at another time."""
    ids = [name for name in ("id", "interaction", "other") if name in frame.columns]
    later = pl.duration(minutes=pl.col("sitting").hash(seed=copy) % MINUTES)
    renamed = frame.with_columns(
        pl.col(ids).str.slice(6) + f"{copy:06x}", pl.col("user") + f"-{copy}", pl.col("created_at") + later
    ).drop("sitting")
    if "prompt" not in frame.columns:
        return renamed
    said = pl.element().struct.field("content") + f" (This is about case {copy}.)"
    begun = pl.struct(role=pl.element().struct.field("role"), content=said)
    return renamed.with_columns(
        prompt=pl.concat_list(pl.col("prompt").list.head(1).list.eval(begun), pl.col("prompt").list.slice(1))
    )


def told(conversations: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Interactions and feedback, each with its `sitting`: what one user says and does about one question."""
    landed = talk(scripted(seed), "scripted", conversations, seed, NOISE)
    asked = landed.interactions.with_columns(sitting=pl.struct("user", thread=threads(landed.interactions)).hash())
    sittings = asked.select("sitting", interaction="id")
    return asked, landed.feedback.join(sittings, on="interaction", maintain_order="left")


def heed(workspace: Path, file: Path) -> Run:
    """Ingest and split in a process of its own."""
    begun = time.monotonic()
    patient = {**os.environ, "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300"}  # on a machine that is shared
    command = [sys.executable, "-c", CHILD, workspace, file]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=patient)
    highest = [0.0]
    watching = threading.Thread(target=_watch, args=(child, highest))
    watching.start()
    said, _ = child.communicate()
    seconds = time.monotonic() - begun
    watching.join()
    if child.returncode:
        sys.exit("heed failed")
    told = json.loads(said.splitlines()[-1])
    return Run(seconds, _stages(told), highest[0], told["landed"], told["held"])


def _stages(told: dict[str, Any]) -> dict[str, float]:
    tasks = told["tasks"]
    reading = tasks["take up what was released"] + tasks["read and validate"]
    making = sum(tasks[name] for name in ("make preferences", "learn what to doubt", "validate what was made"))
    expecting = tasks["check what is expected"]
    version = told["ingest"] - reading - making - expecting
    seconds = (told["start"], reading, making, told["split"], version, expecting)
    return dict(zip(("start", *STAGES), seconds, strict=True))


def _watch(child: "subprocess.Popen[str]", highest: list[float]) -> None:
    process = psutil.Process(child.pid)
    while child.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            highest[0] = max(highest[0], sum(each.memory_info().rss for each in family) / 2**30)
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.05)


def by_hand(folder: Path, file: Path) -> dict[str, float]:
    """The peer: seconds of each of `STAGES`."""
    took: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        begun = time.monotonic()
        done = work()
        took[stage] = time.monotonic() - begun
        return done

    asked, told = timed("read and validate", lambda: _read(file))
    pairs = timed("make preferences", lambda: _pairs(asked, told))
    sides = timed("split", lambda: pairs["prompt"].map(_side))
    timed("version", lambda: _version(folder, {"asked": asked, "told": told, "pairs": pairs.assign(side=sides)}))
    return took


def _read(file: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    events = pd.read_json(file, lines=True, dtype=False)
    about = events["type"] == "feedback"
    asked, told = events[~about], events[about]
    spoken = [
        asked[side].map(lambda said: bool(said) and all(one["content"].strip() for one in said))
        for side in ("prompt", "response")
    ]
    scored = ~told["kind"].isin(["thumb", "rating"]) | told["score"].notna()
    worded = ~told["kind"].isin(["edit", "comment", "followup"]) | told["text"].notna()
    return asked[spoken[0] & spoken[1]].drop_duplicates("id"), told[scored & worded].drop_duplicates("id")


def _pairs(asked: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Choices, edits, and what one user liked beside what they disliked, as answers to one prompt."""
    answers = asked.assign(key=asked["prompt"].map(json.dumps))[["id", "key", "prompt", "response"]]
    heard = told.drop(columns=["id", "prompt", "response"]).merge(answers, left_on="interaction", right_on="id")
    choices = heard[heard["kind"] == "choice"].merge(
        answers, left_on=["other", "key"], right_on=["id", "key"], suffixes=("", "_other")
    )
    edits = heard[heard["kind"] == "edit"]
    opinions = heard[heard["kind"].isin(["thumb", "rating"])]
    liked, disliked = opinions[opinions["score"] > 0], opinions[opinions["score"] < 0]
    met = liked.merge(disliked, on=["user", "key"], suffixes=("", "_other"))
    columns = ["key", "prompt", "user", "chosen", "rejected"]
    pairs = pd.concat(
        [
            choices.assign(chosen=choices["response"], rejected=choices["response_other"])[columns],
            edits.assign(
                chosen=edits["text"].map(lambda text: [{"role": "assistant", "content": text}]),
                rejected=edits["response"],
            )[columns],
            met.assign(chosen=met["response"], rejected=met["response_other"])[columns],
        ]
    )
    said = [pairs[side].map(json.dumps) for side in ("chosen", "rejected")]
    named = pairs.assign(
        id=[
            hashlib.sha256("".join(row).encode()).hexdigest()
            for row in zip(pairs["key"], *said, pairs["user"], strict=True)
        ]
    )
    return named[said[0] != said[1]].drop_duplicates("id")


def _side(prompt: list[dict[str, str]]) -> str:
    words = " ".join("".join(sign if sign.isalnum() else " " for sign in prompt[0]["content"].lower()).split())
    place = int(hashlib.sha256(words.encode()).hexdigest()[:8], 16) / 16**8
    return "test" if place < 0.2 else "validation" if place < 0.3 else "train"


def _version(folder: Path, frames: dict[str, pd.DataFrame]) -> None:
    workspace = create(folder, POLICY)
    batch = workspace.data / "batch"
    batch.mkdir(parents=True)
    for name, frame in frames.items():
        frame.to_parquet(batch / f"{name}.parquet")
    pinning.pin(find(folder), "By hand")


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    out = Console(highlight=False)
    first, later = told(CONVERSATIONS, seed=0), told(FEWER, seed=1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        one = folder / "one.jsonl"
        one.write_text(ONE)

        def landed(into: str, events: int, told: tuple[pl.DataFrame, pl.DataFrame], copies: Iterable[int]) -> Run:
            file = folder / "events.jsonl"
            write_events(file, told, events, copies)
            if not (folder / into).exists():
                create(folder / into, POLICY)
                heed(folder / into, one)
            return heed(folder / into, file)

        whole = landed("whole", events, first, count())
        tenth = landed("tenth", events // 10, first, count())
        peer = by_hand(folder / "peer", folder / "events.jsonl")
        on_nothing = landed("nothing", MORE, later, (1, NEW))
        on_all = landed("whole", MORE, later, (1, NEW))
    _print(out, events, tenth, whole, peer)
    added = on_all.seconds / on_nothing.seconds
    out.print(
        f"{MORE:,} more: {on_nothing.seconds:.1f} s on nothing, {on_all.seconds:.1f} s on {events:,}: {added:.2f}"
    )
    out.print(f"peak memory: {tenth.gigabytes:.2f} GB for {events // 10:,}, {whole.gigabytes:.2f} GB for {events:,}")
    if events == EVENTS and (whole.seconds > SECONDS or whole.gigabytes > GIGABYTES or added > TIMES):
        sys.exit(f"over {SECONDS} s, {GIGABYTES} GB or {TIMES} times")


def _print(out: Console, events: int, tenth: Run, whole: Run, peer: dict[str, float]) -> None:
    table = Table("seconds", f"heed, {events:,}", f"heed, {events // 10:,}", f"by hand, {events // 10:,}", "times")
    for stage, seconds in whole.stages.items():
        hand = peer.get(stage)
        ratio = f"{hand / tenth.stages[stage]:.1f}" if hand else ""
        table.add_row(stage, f"{seconds:.1f}", f"{tenth.stages[stage]:.1f}", f"{hand:.1f}" if hand else "", ratio)
    all_by_hand = sum(peer.values())
    table.add_row(
        "all",
        f"{whole.seconds:.1f}",
        f"{tenth.seconds:.1f}",
        f"{all_by_hand:.1f}",
        f"{all_by_hand / tenth.seconds:.1f}",
    )
    out.print(table)
    out.print(", ".join(f"{number:,} {kind}" for kind, number in whole.landed.items()) + f", {whole.held:,} held")


if __name__ == "__main__":
    main()
