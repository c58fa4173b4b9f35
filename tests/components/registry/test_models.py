"""Whatever is registered can be taken out again: by heed as a folder, by anyone with MLflow alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from mlflow.exceptions import MlflowException
from transformers import AutoModelForCausalLM, AutoTokenizer

from components import tracking
from components.config import Settings
from components.encoder import Encoder
from components.records.handles import DatasetVersion, ModelVersion
from components.registry import models
from components.registry.promotion import promote
from components.training import rewards, scratch
from components.training.rewards.features import FeatureReward
from components.workspace import Workspace, git

DATASET = DatasetVersion(hash="0" * 32 + ".dir", commit="c" * 40, preferences=3)
SAID = ["What is red?", "Which is the biggest animal?", "Say hi", "A rose is red."]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("workspace")
    git.git(root, "init", "--quiet")
    (root / "heed.toml").write_text("")
    git.commit(root, "Start", "heed.toml")
    return Workspace(root, Settings())


@pytest.fixture(scope="module")
def run_id(workspace: Workspace) -> str:
    """A run whose step was killed and taken up again, as it is while models are registered."""
    for _ in range(2):
        with tracking.run(workspace, "test", "step", DATASET, {"beta": 0.1}, {}) as run:
            found = run.info.run_id
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    vocabulary = scratch.tokenizer(SAID * 20)
    scratch.language_model(vocabulary, seed=0).save_pretrained(folder)
    vocabulary.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def policy(workspace: Workspace, run_id: str, trained: Path) -> ModelVersion:
    return models.register_policy(workspace, trained, run_id, DATASET, "step-1")


@pytest.fixture(scope="module")
def fitted() -> FeatureReward:
    liked, disliked = (
        ["A rose is red.", "The blue whale.", "Hello!", "Roses."],
        ["I do not know.", "No.", "Why?", "Hm."],
    )
    pairs = pl.DataFrame({"prompt": SAID * 3, "chosen": liked * 3, "rejected": disliked * 3, "weight": [1.0] * 12})
    return FeatureReward.fit(Encoder("", None), pairs, pairs["prompt"])


@pytest.fixture(scope="module")
def reward(
    workspace: Workspace, run_id: str, fitted: FeatureReward, tmp_path_factory: pytest.TempPathFactory
) -> ModelVersion:
    folder = tmp_path_factory.mktemp("reward") / "reward"
    rewards.save(fitted, folder)
    return models.register_reward(workspace, folder, rewards.__name__, run_id, DATASET, "step-1")


def elsewhere(workspace: Workspace, code: str, place: Path) -> str:
    """What a program prints that knows MLflow and where the store is, and nothing of heed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    quiet = {"MLFLOW_TRACKING_URI": workspace.tracking_uri, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, env=environment | quiet, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


def test_a_step_registers_once(workspace: Workspace, run_id: str, trained: Path, policy: ModelVersion) -> None:
    again = models.register_policy(workspace, trained, run_id, DATASET, "step-1")
    assert again == policy
    assert (policy.name, policy.version, policy.run_id) == ("heed-policy", 1, run_id)
    assert (policy.dataset, policy.step) == (DATASET.hash, "step-1")
    assert models.versions(workspace, models.POLICY) == [policy]
    assert models.find(workspace, models.POLICY, "step-1") == policy
    assert models.find(workspace, models.POLICY, "step-2") is None
    assert models.find(workspace, models.REWARD, "step-2") is None


def test_the_folder_that_comes_back_is_the_model_that_went_in(
    workspace: Workspace, trained: Path, policy: ModelVersion
) -> None:
    folder = models.folder_of(workspace, policy)
    sent, got = (AutoModelForCausalLM.from_pretrained(place).state_dict() for place in (trained, folder))
    assert sent.keys() == got.keys()
    assert all(torch.equal(sent[name], got[name]) for name in sent)
    asked = [{"role": "user", "content": "What is red?"}]
    before, after = (
        AutoTokenizer.from_pretrained(place).apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
        for place in (trained, folder)
    )
    assert before == after
    made = folder.stat().st_mtime_ns
    assert models.folder_of(workspace, policy) == folder
    assert folder.stat().st_mtime_ns == made


def test_a_download_that_was_killed_is_done_again(workspace: Workspace, policy: ModelVersion) -> None:
    folder = models.folder_of(workspace, policy)
    half = folder.with_suffix(".part")
    folder.rename(half)
    (half / "model.safetensors").write_bytes(b"half")
    assert AutoModelForCausalLM.from_pretrained(models.folder_of(workspace, policy)).num_parameters() > 5e5
    assert not half.exists()


def test_anyone_with_mlflow_chats_with_the_champion(workspace: Workspace, policy: ModelVersion, tmp_path: Path) -> None:
    promote(workspace, policy, "for the test")
    code = """
import json, sys, mlflow
chat = mlflow.transformers.load_model("models:/heed-policy@champion")
said = chat([{"role": "user", "content": "What is red?"}], max_new_tokens=5, do_sample=False)
print(json.dumps([said[0]["generated_text"][-1], [name for name in sys.modules if name.startswith("components")]]))
"""
    answer, ours = json.loads(elsewhere(workspace, code, tmp_path))
    assert answer["role"] == "assistant"
    assert answer["content"]
    assert ours == []


def test_anyone_with_mlflow_scores_answers_without_heed(
    workspace: Workspace, reward: ModelVersion, fitted: FeatureReward, tmp_path: Path
) -> None:
    root = str(Path(models.__file__).parents[2])
    code = f"""
import sys
sys.path = [place for place in sys.path if place not in ("", {root!r})]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
import json, mlflow, pandas
model = mlflow.pyfunc.load_model("models:/heed-reward/1")
asked = pandas.DataFrame({{"prompt": {SAID!r}, "response": {SAID[::-1]!r}}})
scores = [float(score) for score in model.predict(asked)]
asked["prompt"] = [[{{"role": "user", "content": text}}] for text in asked["prompt"]]
import components
print(json.dumps([scores, [float(score) for score in model.predict(asked)], components.__file__]))
"""
    scores, by_messages, code_from = json.loads(elsewhere(workspace, code, tmp_path))
    assert not code_from.startswith(root)
    expected = fitted.score([[{"role": "user", "content": text}] for text in SAID], SAID[::-1])
    assert np.ptp(expected) > 0.1
    assert scores == pytest.approx(expected, abs=1e-3)
    assert by_messages == pytest.approx(expected, abs=1e-3)


def test_the_code_that_goes_along_is_code_alone(workspace: Workspace, reward: ModelVersion) -> None:
    import mlflow

    fetched = Path(mlflow.artifacts.download_artifacts(reward.uri, tracking_uri=workspace.tracking_uri))
    files = [path for path in (fetched / "code").rglob("*") if path.is_file()]
    # Who loads the model where it lies, as the tests before this one, has Python compile it there.
    assert {path.suffix for path in files if path.parent.name != "__pycache__"} == {".py"}
    assert sum(path.stat().st_size for path in (fetched / "code").rglob("*.py")) < 1e5


def test_a_reward_comes_back_as_its_folder(workspace: Workspace, reward: ModelVersion, fitted: FeatureReward) -> None:
    again = rewards.load(models.folder_of(workspace, reward))
    prompts = [[{"role": "user", "content": text}] for text in SAID]
    assert again.score(prompts, SAID) == pytest.approx(fitted.score(prompts, SAID), abs=1e-3)


def test_a_server_that_does_not_answer_is_not_one_without_a_champion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    settings = Settings()
    away = settings.model_copy(
        update={"mlflow": settings.mlflow.model_copy(update={"tracking_uri": "http://127.0.0.1:9"})}
    )
    with pytest.raises(MlflowException, match=r"127\.0\.0\.1"):
        models.at_alias(Workspace(tmp_path, away), models.POLICY, models.CHAMPION)


def test_a_registry_that_is_empty_has_nothing_at_an_alias(tmp_path: Path) -> None:
    empty = Workspace(tmp_path, Settings())
    assert models.at_alias(empty, models.POLICY, models.CHAMPION) is None
    assert models.versions(empty, models.POLICY) == []
    tracking.client(empty).create_registered_model(models.POLICY)
    assert models.at_alias(empty, models.POLICY, models.CHAMPION) is None
