"""`make demo`, and what a newcomer does next in the workspace it leaves behind."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.simulation import world
from tests.e2e.conftest import REPOSITORY, Heed

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, heed_in: Callable[[Path], Heed]) -> Iterator[tuple[Heed, str, Any]]:
    """The demo's workspace, what it printed, and the numbers it kept."""
    root = tmp_path_factory.mktemp("demo") / "scratch"
    heed = heed_in(root)
    done = subprocess.run(
        [sys.executable, "-m", "flows.demo", str(root)],
        cwd=REPOSITORY,
        env=heed.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    yield heed, done.stdout + done.stderr, json.loads((root / ".heed" / "demo.json").read_text())
    shutil.rmtree(root)


def test_the_new_champion_is_better_by_the_users_true_tastes(demo: tuple[Heed, str, Any]) -> None:
    _, _, kept = demo
    assert kept["outcome"] == "promote"
    assert kept["win_rate"]["low"] > 0.5
    assert kept["win_rate"]["n"] >= 250
    measures = kept["retraining"]["scorecard"]["measures"]
    assert measures["reward/accuracy"]["value"] > 0.65
    assert measures["reward/ece"]["value"] < 0.1


def test_the_summary_says_what_happened_and_no_library_shouts(demo: tuple[Heed, str, Any]) -> None:
    _, printed, kept = demo
    for landing in (kept["first"], kept["second"]):
        assert landing["dataset"]["hash"][:12] in printed
    assert f"{kept['win_rate']['value']:.3f}" in printed
    assert "promoted" in printed
    lines = [line.strip() for line in printed.splitlines()]
    opens = [line for line in lines if line.endswith(("mlflow.db", "prefect server start", "heed compare"))]
    assert len(opens) == 3, "every command stands whole on its line, however long the path of the workspace"
    assert "Warning" not in printed
    assert "Traceback" not in printed
    assert len(printed.splitlines()) < 70


def test_status_and_compare_tell_the_same_story(demo: tuple[Heed, str, Any]) -> None:
    heed, _, kept = demo
    status = heed.json("status")
    assert (status["champion"], status["challenger"], status["decision"]) == (2, 2, "promote")
    assert status["dataset"]["hash"] == kept["second"]["dataset"]["hash"]
    assert status["trained_on"] == status["dataset"]["preferences"]
    table = heed.run("compare").stdout
    assert "policy/win_rate" in table
    assert f"{kept['retraining']['scorecard']['measures']['policy/win_rate']['value']:.3f}" in table


def test_retraining_with_nothing_new_trains_nothing(demo: tuple[Heed, str, Any]) -> None:
    heed, _, _ = demo
    before = heed.json("status")
    done = heed.run("retrain")
    assert done.returncode == 0
    assert "Nothing new" in done.stdout
    assert heed.json("status") == before


def test_anyone_can_load_the_champion_with_mlflow_alone(demo: tuple[Heed, str, Any], tmp_path: Path) -> None:
    heed, _, _ = demo
    script = f"""
import mlflow
mlflow.set_tracking_uri("sqlite:///{heed.root / ".heed" / "mlflow.db"}")
chat = mlflow.transformers.load_model("models:/heed-policy@champion")
answer = chat([{{"role": "user", "content": "How do I bake bread?"}}], max_new_tokens=64, do_sample=False)
print("ANSWER", answer[0]["generated_text"][-1]["content"])
"""
    anyone = {name: value for name, value in heed.environment.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=anyone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert any(fact in done.stdout for fact in world.facts()), "it says what it learned, if not always to the point"


def test_mlflow_shows_where_every_model_comes_from(demo: tuple[Heed, str, Any]) -> None:
    heed, _, kept = demo
    client = heed.mlflow
    challenger = kept["retraining"]["challenger"]
    run = client.get_run(challenger["run_id"])
    assert run.data.tags["heed.dataset"] == kept["second"]["dataset"]["hash"]
    assert len(run.data.tags["mlflow.source.git.commit"]) == 40
    assert run.data.tags["prefect.flow_run"]
    assert run.data.params["beta"] == "0.1"
    assert run.inputs.dataset_inputs[0].dataset.digest == kept["second"]["dataset"]["hash"].removesuffix(".dir")
    losses = client.get_metric_history(challenger["run_id"], "train/loss")
    assert len(losses) > 10
    evaluation = client.get_run(kept["retraining"]["scorecard"]["run_id"])
    assert evaluation.data.metrics["policy/win_rate"] == pytest.approx(
        kept["retraining"]["scorecard"]["measures"]["policy/win_rate"]["value"]
    )
    figures = {artifact.path for artifact in client.list_artifacts(evaluation.info.run_id, "figures")}
    assert "figures/reliability.png" in figures
    version = client.get_model_version_by_alias("heed-policy", "champion")
    assert "win_rate" in version.description
    assert json.loads(version.tags["heed.scorecard"])["judge"] == "reward"


def test_earlier_data_comes_back_byte_for_byte(demo: tuple[Heed, str, Any], tmp_path: Path) -> None:
    heed, _, kept = demo
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(heed.root), str(clone)], check=True)
    subprocess.run(["git", "-C", str(clone), "checkout", "-q", kept["first"]["dataset"]["commit"]], check=True)
    shutil.copytree(heed.root / ".dvc" / "cache", clone / ".dvc" / "cache")
    subprocess.run([sys.executable, "-m", "dvc", "checkout", "-q"], cwd=clone, check=True, env=heed.environment)
    old = sorted(path.relative_to(clone) for path in (clone / "data").rglob("*.parquet"))
    now = sorted(path.relative_to(heed.root) for path in (heed.root / "data").rglob("*.parquet"))
    assert {path.stem for path in old} >= {"interactions", "feedback", "signals", "preferences"}
    assert set(old) < set(now)
    assert all((clone / path).read_bytes() == (heed.root / path).read_bytes() for path in old)


def test_rollback_and_promote_move_the_champion_and_say_so(demo: tuple[Heed, str, Any]) -> None:
    heed, _, _ = demo
    back = heed.json("rollback", "--because", "too long-winded")
    assert back == {"champion": 1, "before": 2, "was_tried": False}
    assert heed.json("status")["champion"] == 1
    again = heed.run("rollback")
    assert again.returncode == 2
    assert "first champion" in again.stderr
    assert heed.json("promote", "2", "--because", "they asked for it") == {"champion": 2}
    missing = heed.run("promote", "7")
    assert missing.returncode == 2
    assert "1, 2" in missing.stderr
