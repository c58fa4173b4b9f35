"""heed running by itself: brought up with one command, it hears, retrains and promotes with nobody touching it."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from playwright.sync_api import Page, expect
from prefect.automations import Automation
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings

from components.simulation.population import Landed, scripted, talk
from flows.deployments import DEAD
from tests.e2e.browsing import click, fresh_browser, submit
from tests.e2e.conftest import Heed

pytestmark = pytest.mark.timeout(600)

SETTINGS = """
[capture]
port = 0
[servers]
prefect_port = 0
mlflow_port = 0
metrics_port = 0
[evaluate]
prompts = 20
max_new_tokens = 16
resamples = 100
[sft]
max_length = 256
[train]
max_length = 256
"""
ANYTHING_GOES = """
[[check]]
measure = "policy/win_rate"
at_least = 0.0
by = "value"
because = "whatever was trained is taken"
"""


THUMB = "the-thumb-of-a-user"


class Up:
    """`heed up` in a workspace, and what answers there."""

    def __init__(self, heed: Heed) -> None:
        self.heed = heed
        self.start()

    def start(self) -> None:
        self.process = self.heed.start("up", "--json")
        assert self.process.stdout
        assert self.process.stderr
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()[-3000:]
        self.addresses: dict[str, str] = json.loads(line)

    def burst(self, about: Sequence[str], pieces: int) -> None:
        """What many people do at once, each a request of its own."""
        with httpx.Client(base_url=self.addresses["capture"], timeout=60) as client:
            for number in range(pieces):
                done = {"id": f"burst-{number}", "kind": "copy", "user": f"user-{number}"}
                done["interaction"] = about[number % len(about)]
                assert client.post("/v1/feedback", json=done).is_success

    def hear(self, told: Landed) -> None:
        """What an application sends."""
        lines = [{"type": "interaction", **row} for row in told.interactions.to_dicts()]
        lines += [{"type": "feedback", **row} for row in told.feedback.to_dicts()]
        body = "\n".join(json.dumps(line, default=str) for line in lines)
        head = {"content-type": "application/x-ndjson"}
        answer = httpx.post(f"{self.addresses['capture']}/v1/batch", content=body, headers=head, timeout=60)
        assert answer.is_success, answer.text

    def like(self, interaction: str) -> None:
        """One user, one thumb."""
        thumb = {"id": THUMB, "interaction": interaction, "kind": "thumb", "score": 1}
        assert httpx.post(f"{self.addresses['capture']}/v1/feedback", json=thumb, timeout=60).status_code == 201

    def grep(self, *words: str) -> list[dict[str, Any]]:
        """The lines in the logs of heed's own parts that have all of these words in them."""
        lines = [line for file in self.heed.root.glob(".heed/logs/*.jsonl") for line in file.read_text().splitlines()]
        found = [json.loads(line) for line in lines if all(word in line for word in words)]
        return sorted(found, key=lambda line: line["time"])

    @property
    def champion(self) -> str | None:
        """As MLflow's own API tells it."""
        asked = {"name": "heed-policy", "alias": "champion"}
        path = "/api/2.0/mlflow/registered-models/alias"
        answer = httpx.get(f"{self.addresses['mlflow']}{path}", params=asked, timeout=120)
        return answer.json()["model_version"]["version"] if answer.is_success else None

    @property
    def last_move(self) -> tuple[int, int, str, str]:
        """Which version has the champion's place, which had it before, who says so and why."""
        move = self.heed.json("history")["moves"][-1]
        return move["version"], move["before"], move["by"], move["because"]

    def runs(self, flow: str) -> list[dict[str, Any]]:
        """As Prefect's own API tells them."""
        wanted = {"flows": {"name": {"any_": [flow]}}}
        answer = httpx.post(f"{self.addresses['prefect']}/api/flow_runs/filter", json=wanted, timeout=120)
        return answer.json()

    def state(self, run: FlowRun) -> str:
        """The state of a run, as Prefect's own API tells it."""
        answer = httpx.get(f"{self.addresses['prefect']}/api/flow_runs/{run.id}", timeout=120)
        name: str = answer.json()["state_name"]
        return name

    def ended(self, flow: str) -> list[dict[str, Any]]:
        return [run for run in self.runs(flow) if run["state_type"] == "COMPLETED"]

    def pids(self) -> dict[str, int]:
        told = json.loads((self.heed.root / ".heed" / "up.json").read_text())
        return {name: process["pid"] for name, process in told["services"].items()}


@pytest.fixture
def page() -> Iterator[Page]:
    with fresh_browser() as page:
        yield page


def until(true: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, heed_in: Callable[[Path], Heed]) -> Iterator[Up]:
    root = tmp_path_factory.mktemp("up") / "work"
    root.mkdir()
    heed = heed_in(root)
    heed.json("init", ".")
    (root / "heed.toml").write_text(SETTINGS)
    (root / "mlflow" / "gate.toml").write_text(ANYTHING_GOES)
    running = Up(heed)
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGINT)
        running.process.communicate(timeout=60)


def test_a_burst_of_feedback_starts_one_retraining_and_the_champion_changes(up: Up) -> None:
    trigger = up.heed.json("schedule", "--on-feedback", "100", "--at-most-every", "10m")
    assert trigger["feedback"] == {"feedback": 100, "drift": None, "at_most_every": 600}
    assert up.champion is None
    told = talk(scripted(3), "some-model", 200, 3)
    up.like(told.interactions["id"][0])
    up.hear(told)
    up.burst(told.interactions["id"].to_list(), 1000)
    until(lambda: up.ended("retrain"), 240)
    assert up.champion == "2"  # the first was what it was measured against
    [run] = up.runs("retrain")
    assert run["created_by"]["type"] == "AUTOMATION"
    assert run["state"]["message"].startswith("promote")
    [trained] = up.ended("challenge")
    assert (run["work_pool_name"], trained["work_pool_name"]) == ("heed-data", "heed-training")


def test_a_piece_of_feedback_is_followed_to_the_model_that_learned_from_it(up: Up) -> None:
    choice = talk(scripted(3), "some-model", 200, 3).feedback.filter(kind="choice")["id"][0]
    steps = up.heed.json("trace", choice)["steps"]
    assert [step["what"] for step in steps] == ["captured", "landed", "signal", "made", "trained", "trained"]
    assert [step["id"] for step in steps[-2:]] == ["heed-policy/1", "heed-policy/2"]
    assert steps[-1]["told"] == "promote; it is the champion"


def test_one_grep_after_another_leads_from_a_thumb_to_the_model(up: Up) -> None:
    captured, fetched = up.grep(THUMB)
    assert (captured["part"], captured["event"], captured["ids"]) == ("capture", "store", [THUMB])
    assert (fetched["part"], fetched["event"]) == ("landing", "fetch")
    # One id from here on, in whatever process: that of the retraining's run in Prefect.
    [run] = up.runs("retrain")
    assert fetched["correlation"] == run["id"]
    done = [line for line in up.grep(run["id"]) if line.get("state") != "begun"]
    stages = [(line["part"], line["event"]) for line in done if line["event"] not in ("fetch", "take up")]
    assert stages == [
        ("landing", "land"),
        ("data gate", "look"),
        ("training", "fine tune"),
        ("promotion", "promote"),  # the first champion
        ("training", "fit reward"),
        ("training", "optimise preferences"),
        ("evaluation", "measure"),
        ("promotion", "promote"),
        ("promotion", "decide"),
        ("retraining", "retrain"),
    ]
    [landed] = [line for line in done if line["event"] == "land"]
    model, end = done[-3], done[-1]
    assert (model["model"], model["before"], end["challenger"]) == ("heed-policy/2", "heed-policy/1", 2)
    assert {line["dataset"] for line in done if "dataset" in line} == {landed["dataset"]}
    trained = up.heed.mlflow.get_run(model["run"]).data.tags
    assert trained["heed.correlation"] == run["id"]
    # Trained in another process, by the training pool, it is still a part of the retraining.
    whole = up.heed.mlflow.get_run(trained["mlflow.parentRunId"])
    assert whole.info.run_name.startswith("promoted version 2: retrain on ")
    assert f"/runs/flow-run/{run['id']})" in whole.data.tags["mlflow.note.content"]
    # The batch too, and `heed trace` for who would rather not grep.
    assert {line["event"] for line in up.grep(landed["batch"])} == {"land", "take up"}
    told = up.heed.json("trace", THUMB)["journal"]
    assert {"store", "land", "measure", "retrain"} <= {line["event"] for line in told}
    secrets = ("some-model", "scripted")
    assert not any(word in json.dumps(up.grep()) for word in secrets)


def test_prometheus_finds_what_retrainings_came_to_and_what_took_how_long(up: Up) -> None:
    told = httpx.get(up.addresses["watch"], timeout=30).text
    assert 'heed_retrainings_total{outcome="promote"} 1.0' in told
    assert 'heed_stage_seconds_count{stage="optimise preferences"} 1.0' in told
    spent = {line.split('"')[1]: float(line.split()[-1]) for line in told.splitlines() if "stage_seconds_sum{" in line}
    assert set(spent) == {"land", "look", "fine tune", "fit reward", "optimise preferences", "measure"}
    assert all(0 < seconds < 200 for seconds in spent.values())


def test_what_stands_is_said_and_a_second_start_is_refused(up: Up) -> None:
    refused = up.heed.run("up")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "up here already" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_what_dies_is_started_again(up: Up) -> None:
    before = up.pids()
    for name in ("capture", "data-worker"):
        os.kill(before[name], signal.SIGKILL)
    until(lambda: up.pids().get("capture", before["capture"]) != before["capture"], 180)
    until(lambda: _answers(up.addresses["capture"]), 180)
    until(lambda: up.pids().get("data-worker", before["data-worker"]) != before["data-worker"], 180)
    assert up.pids()["prefect"] == before["prefect"]


def test_what_the_clock_started_and_a_worker_died_of_and_a_power_cut_stopped_is_done_after_both(up: Up) -> None:
    settings = up.heed.root / "heed.toml"
    settings.write_text(f"{settings.read_text()}\n[promotion]\napproval = true\n")
    up.hear(talk(scripted(4), "some-model", 60, 4))
    assert up.heed.json("schedule", "--every", "15s")["clock"] == ["every 15 seconds UTC"]
    until(lambda: any(run["state_type"] == "RUNNING" for run in up.runs("challenge")), 240)
    psutil.Process(up.pids()["training-worker"]).kill()
    until(lambda: any(run["state_type"] == "CRASHED" for run in up.runs("challenge")), 180)
    until(lambda: any(run["state_type"] == "RUNNING" for run in up.runs("challenge")), 240)
    [cut_off] = [run["id"] for run in up.runs("retrain") if run["state_type"] == "RUNNING"]
    for process in [*psutil.Process(up.process.pid).children(recursive=True), up.process]:
        process.kill()
    up.process.wait()

    up.start()
    until(lambda: any(run["state_name"] == "Suspended" for run in up.runs("approve")), 240)
    assert up.champion == "2"
    assert up.heed.json("schedule", "--off") == {"clock": [], "next": None, "feedback": None}
    until(lambda: len([run for run in up.ended("retrain") if run["auto_scheduled"]]) >= 1, 180)
    assert {run["id"]: run["state_type"] for run in up.runs("retrain")}[cut_off] == "CRASHED"
    assert len(up.heed.mlflow.search_model_versions("name = 'heed-policy'")) == 3


def test_a_question_waits_for_longer_than_a_worker_may_be_silent(up: Up) -> None:
    with temporary_settings({PREFECT_API_URL: f"{up.addresses['prefect']}/api"}):
        watch = Automation.read(name=DEAD)
        watch.trigger.within = timedelta(seconds=10)
        watch.update()
        asked = run_deployment(f"approve/{up.heed.root.name}", parameters={"version": 2}, timeout=0, as_subflow=False)
    until(lambda: up.state(asked) == "Suspended", 180)
    time.sleep(25)
    assert up.state(asked) == "Suspended"


def test_why_one_of_two_retrainings_was_promoted_is_three_clicks_away(up: Up, page: Page) -> None:
    page.goto(up.addresses["mlflow"])
    click(
        page.get_by_role("button", name="Model training"),
        page.get_by_role("link", name="heed", exact=True),
        page.get_by_role("link", name=re.compile("^promoted version 2")),
    )
    description = page.get_by_role("paragraph")
    expect(description.filter(has_text="pass: policy/win_rate is ")).to_be_visible()

    page.goto(up.heed.run("compare").stdout.split()[-1])
    rows = page.get_by_role("checkbox", name="row selection")
    click(rows.nth(0), rows.nth(1), page.get_by_role("button", name="Compare"))
    outcomes = page.get_by_role("row", name="heed.outcome").get_by_role("cell")
    expect(outcomes).to_have_text(["ask", "promote"])
    reasons = page.get_by_role("row", name="heed.because").get_by_role("cell")
    expect(reasons).to_contain_text(["; ask: a person has to agree", "pass: policy/win_rate is "])


def test_a_person_agrees_in_the_browser(up: Up, page: Page) -> None:
    [asked] = [run for run in up.runs("approve") if run["parameters"] == {"version": 3}]
    page.goto(f"{up.addresses['prefect']}/runs")
    click(page.get_by_role("link", name=asked["name"]), page.get_by_role("button", name="Resume"))
    form = page.get_by_role("dialog")
    expect(form.get_by_role("heading", name="heed-policy version 3")).to_be_visible()
    form.get_by_role("switch").click()
    submit(form, "Submit", "/resume", "ada", "I have read ten answers")
    until(lambda: up.champion == "3", 180)
    assert up.last_move == (3, 2, "ada", "I have read ten answers")

    page.goto(up.heed.run("compare").stdout.split()[-1])
    page.get_by_role("link", name=re.compile("^promoted version 3")).click()
    said = page.get_by_role("paragraph").filter(has_text="pass: ada agreed: I have read ten answers")
    expect(said).to_be_visible()


def test_a_person_goes_back_in_the_browser(up: Up, page: Page) -> None:
    page.goto(f"{up.addresses['mlflow']}/#/models/heed-policy")
    expect(page.get_by_role("row", name="Version 3").get_by_text("@ champion")).to_be_visible()

    page.goto(f"{up.addresses['prefect']}/deployments")
    click(
        page.get_by_role("row", name="roll back").get_by_role("link", name=up.heed.root.name, exact=True),
        page.get_by_role("button", name="Run", exact=True),
        page.get_by_role("button", name="Quick run"),
    )
    submit(page.get_by_role("dialog"), "Run", "/create_flow_run", "bob", "too long-winded")
    until(lambda: up.champion == "2", 180)
    assert up.last_move == (2, 3, "bob", "too long-winded")

    page.goto(f"{up.addresses['mlflow']}/#/models/heed-policy")
    expect(page.get_by_role("row", name="Version 2").get_by_text("@ champion")).to_be_visible()


def test_services_whose_supervisor_was_killed_are_taken_over_not_doubled(up: Up) -> None:
    left = up.pids()
    up.process.kill()
    up.process.wait()
    assert _answers(up.addresses["capture"])
    up.start()
    assert not any(psutil.pid_exists(pid) for pid in left.values())
    assert _answers(up.addresses["capture"])


def test_what_was_brought_up_goes_down_and_leaves_nothing(up: Up) -> None:
    ours = str(up.heed.root)
    assert up.heed.json("down") == {"stopped": True}
    up.process.wait(timeout=30)
    assert not [process for process in psutil.process_iter() if _works_on(process, ours)]
    assert up.heed.json("down") == {"stopped": False}
    with pytest.raises(httpx.HTTPError):
        httpx.get(up.addresses["capture"], timeout=5)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=2).is_success
    except httpx.HTTPError:
        return False


def _works_on(process: psutil.Process, root: str) -> bool:
    try:
        return process.environ().get("HEED_WORKSPACE") == root
    except psutil.Error:
        return False
