"""The loop on files of preferences: killed in the middle, refused by the gate, with several settings to choose from."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.simulation.population import scripted, talk
from tests.e2e.conftest import Heed

pytestmark = pytest.mark.timeout(600)

SETTINGS = """
[train]
loss_type = "robust"
label_smoothing = "measured"
checkpoint_steps = 2
epochs = 2.0
[evaluate]
prompts = 40
max_new_tokens = 24
resamples = 200
"""
STRICT = """
[[check]]
measure = "policy/win_rate"
at_least = 0.999
by = "value"
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, heed_in: Callable[[Path], Heed]) -> Heed:
    """A workspace with a gate nobody passes, and a file of feedback events beside it."""
    root = tmp_path_factory.mktemp("loop") / "work"
    root.mkdir()
    heed = heed_in(root)
    heed.json("init", ".")
    (root / "heed.toml").write_text(SETTINGS)
    (root / "mlflow" / "gate.toml").write_text(STRICT)
    events(root.parent / "events.jsonl", 260)
    return heed


@pytest.fixture(scope="module")
def served(workspace: Heed, server: str) -> Heed:
    """The same workspace, reporting to a Prefect server that is up already, which is quicker."""
    return replace(workspace, api=server)


def events(file: Path, conversations: int) -> None:
    """A file of heed's own events, as an application would export them."""
    told = talk(scripted(3), "some-model", conversations, 3)
    lines = [{"type": "interaction", **row} for row in told.interactions.to_dicts()]
    lines += [{"type": "feedback", **row} for row in told.feedback.to_dicts()]
    file.write_text("\n".join(json.dumps(line, default=str) for line in lines))


def policy_versions(heed: Heed) -> list[Any]:
    return heed.mlflow.search_model_versions("name = 'heed-policy'")


def runs_of(heed: Heed, stage: str) -> list[Any]:
    client = heed.mlflow
    experiment = client.get_experiment_by_name("heed")
    return client.search_runs([experiment.experiment_id], f"tags.`heed.stage` = '{stage}'")


def test_a_file_lands_once(served: Heed) -> None:
    file = str(served.root.parent / "events.jsonl")
    first = served.json("ingest", file)
    assert first["landed"]["feedback"] >= 381  # those of the file, and what is heard in the conversations beside them
    assert first["landed"]["preferences"] > 150
    again = served.json("ingest", file)
    assert sum(again["landed"].values()) == 0
    assert again["dataset"] == first["dataset"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ingest", "nowhere.jsonl"], "nowhere.jsonl"),
        (["ingest", "heed.toml"], "heed.toml"),
        (["retrain", "--set", "train.beat=0.2"], "train.beta"),
        (["sweep", "train.beta=0.1,high"], "train.beta = 'high'"),
        (["status", "--workspace", "/"], "heed init"),
        (["init", "."], "already"),
    ],
)
def test_what_is_wrong_is_one_line_and_changes_nothing(served: Heed, arguments: list[str], says: str) -> None:
    before = state(served)
    done = served.run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert says in done.stderr
    assert state(served) == before


def state(heed: Heed) -> tuple[str, list[str]]:
    """What must not change when a command is refused: the commits and every file that is not heed's own to remake."""
    commits = subprocess.run(["git", "log", "--format=%H"], cwd=heed.root, capture_output=True, text=True, check=True)
    kept = [path for path in heed.root.rglob("*") if ".git" not in path.parts and ".heed" not in path.parts]
    return commits.stdout, sorted(str(path) for path in kept)


def test_a_bad_row_is_held_with_its_reason_and_the_rest_lands(served: Heed, tmp_path: Path) -> None:
    file = tmp_path / "more.jsonl"
    good = {"prompt": "What is heed?", "chosen": "A platform that listens.", "rejected": "No idea."}
    file.write_text(json.dumps(good) + "\n" + json.dumps(good | {"rejected": 5}) + "\n")
    landing = served.json("ingest", str(file))
    assert (landing["landed"]["preferences"], landing["held"]) == (1, 1)
    held = json.loads(Path(landing["quarantined"]).read_text())
    assert (held["file"], held["line"]) == ("more.jsonl", 2)
    assert "rejected" in held["reason"]


def test_feedback_that_lands_before_its_interactions_waits_for_them(served: Heed, tmp_path: Path) -> None:
    told = {"type": "feedback", "kind": "choice", "interaction": "early-a", "other": "early-b"}
    early, late = tmp_path / "early.jsonl", tmp_path / "late.jsonl"
    early.write_text(json.dumps(told))
    answers = {"early-a": "Yes, and here is how.", "early-b": "No."}
    lines = [
        {"type": "interaction", "id": name, "prompt": "Can heed wait?", "response": answer}
        for name, answer in answers.items()
    ]
    late.write_text("\n".join(json.dumps(line) for line in lines))
    landed = served.json("ingest", str(early))["landed"]
    assert (landed["feedback"], landed["preferences"]) == (1, 0)
    landed = served.json("ingest", str(late))["landed"]
    assert (landed["interactions"], landed["preferences"]) == (2, 1)


def test_a_retrain_killed_in_training_goes_on_where_it_was(workspace: Heed) -> None:
    before = workspace.json("status")["dataset"]
    killed = workspace.start("retrain")
    wait_for(workspace, killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert [version.version for version in policy_versions(workspace)] in ([1], ["1"])

    done = workspace.run("retrain", "--json")
    assert done.returncode == 3, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["outcome"] == "refuse"
    assert told["dataset"] == before
    assert len(policy_versions(workspace)) == 2
    assert len(runs_of(workspace, "supervised")) == 1
    [trained] = runs_of(workspace, "preference")
    assert 0.001 <= float(trained.data.params["label_smoothing"]) < 0.5  # as it was measured
    [whole] = runs_of(workspace, "retrain")
    assert (whole.info.status, whole.data.tags["heed.outcome"]) == ("FINISHED", "refuse")
    assert whole.data.metrics["policy/win_rate"] == told["scorecard"]["measures"]["policy/win_rate"]["value"]
    for stage in ("data", "supervised", "reward", "preference", "evaluate"):
        [part] = runs_of(workspace, stage)
        assert part.data.tags["mlflow.parentRunId"] == whole.info.run_id
    assert workspace.json("status")["champion"] == 1
    assert not list((workspace.root / ".heed" / "runs").glob("*/checkpoint-*"))


def wait_for(heed: Heed, process: "subprocess.Popen[str]") -> None:
    """Wait until preference optimisation, the second run with checkpoints, has written one."""
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr and process.stderr.read()[-3000:]
        written = list((heed.root / ".heed" / "runs").glob("*/checkpoint-*/trainer_state.json"))
        if written and policy_versions(heed):
            return
        time.sleep(0.1)
    pytest.fail("no checkpoint was written")


def test_one_page_says_what_was_decided_and_why(workspace: Heed, tmp_path: Path) -> None:
    page = tmp_path / "new" / "comparison.html"
    [card] = workspace.json("compare", "--html", str(page)).values()
    html = page.read_text()
    assert "Version 2. Refused: the champion stays." in html
    assert 'class="mark refuse">refuse</span>policy/win_rate is ' in html
    assert f"{card['measures']['policy/win_rate_length_controlled']['value']:.3f}" in html
    [whole] = runs_of(workspace, "retrain")
    assert f"run/{whole.info.run_id}" in html
    assert html.count("<blockquote>") >= 10  # the most different answers
    unwritten = workspace.run("compare", "--html", str(workspace.root))
    assert (unwritten.returncode, len(unwritten.stderr.splitlines())) == (2, 1)


def test_refused_work_is_not_done_again(workspace: Heed) -> None:
    done = workspace.run("retrain")
    assert done.returncode == 0
    assert "Nothing new" in done.stdout
    assert len(policy_versions(workspace)) == 2


def test_a_decision_that_a_kill_kept_from_being_told_is_told_by_the_next_once(workspace: Heed) -> None:
    workspace.mlflow.delete_model_version_tag("heed-policy", "2", "heed.told")
    done = workspace.run("retrain", "--json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (3, "refuse")
    assert workspace.json("retrain")["outcome"] == "nothing new"
    [whole] = runs_of(workspace, "retrain")
    assert whole.info.status == "FINISHED"
    assert len(policy_versions(workspace)) == 2


def test_a_sweep_that_was_killed_goes_on_and_only_the_best_of_it_sees_the_test_side(workspace: Heed) -> None:
    command = ("sweep", "train.learning_rate=1e-9,1e-3")  # the first learns nothing
    killed = workspace.start(*command)
    first = wait_for_a_trial(workspace, killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()

    done = workspace.run(*command, "--json")
    assert done.returncode == 3, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert (told["outcome"], told["best"], told["settings"]) == ("refuse", 1, {"train.learning_rate": 1e-3})
    rates = [trial["measures"]["policy/win_rate"] for trial in told["trials"]]
    assert (rates[0]["value"], rates[0]["low"], rates[0]["high"]) == (0.5, 0.5, 0.5)
    assert rates[1]["value"] > 0.5

    trained = [trial["trained"]["run_id"] for trial in told["trials"]]
    assert trained[0] == first
    assert len(runs_of(workspace, "preference")) == 1 + 2
    [sweep] = runs_of(workspace, "sweep")
    below = [run.info.run_id for run in runs_of(workspace, "preference") if parent(run) == sweep.info.run_id]
    assert sorted(below) == sorted(trained)

    assert [int(version.version) for version in policy_versions(workspace)] == [3, 2, 1]
    assert workspace.mlflow.get_model_version_by_alias("heed-policy", "challenger").run_id == trained[1]
    assert sorted(run.data.params["challenger"] for run in runs_of(workspace, "evaluate")) == [
        "models:/heed-policy/2",
        "models:/heed-policy/3",
    ]
    assert "the best of 2 that were tried" in workspace.mlflow.get_model_version("heed-policy", "3").description
    assert workspace.json(*command)["outcome"] == "nothing new"
    # And whoever makes them the workspace's settings has that model already.
    assert workspace.json("retrain", "--set", "train.learning_rate=1e-3")["outcome"] == "nothing new"


def wait_for_a_trial(heed: Heed, process: "subprocess.Popen[str]") -> str:
    """Wait until a trial was measured on the validation side; the id of its run."""
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr and process.stderr.read()[-3000:]
        for run in runs_of(heed, "preference"):
            if "validation/policy/win_rate" in run.data.metrics:
                return str(run.info.run_id)
        time.sleep(0.1)
    pytest.fail("no trial was measured")


def parent(run: Any) -> str | None:
    return run.data.tags.get("mlflow.parentRunId")


def test_a_prefect_server_of_ones_own_sees_the_runs(served: Heed) -> None:
    done = served.run("retrain")
    assert done.returncode == 0, done.stderr[-2000:]
    request = urllib.request.Request(
        f"{served.api}/flow_runs/filter", data=b"{}", headers={"Content-Type": "application/json"}, method="POST"
    )
    runs = json.load(urllib.request.urlopen(request, timeout=10))
    states = {state: [run for run in runs if run["state_type"] == state] for state in ("COMPLETED", "FAILED")}
    assert len(states["COMPLETED"]) >= 6  # five landings and this
    assert len(states["FAILED"]) == 2  # a file that is not there, a file that is no feedback
