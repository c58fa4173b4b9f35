"""Training by accelerate's config files: what is wrong with one is said, and weights in parts become a whole model."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from transformers import AutoModelForCausalLM

from components.config import Settings
from components.records.errors import BadInput
from components.training import accelerating, jobs, launch
from components.training.job import Job, last_checkpoint

ROOT = Path(__file__).parents[3]
CONFIGS = ROOT / "infra" / "accelerate"

Having = Callable[..., Settings]

no_gpu = pytest.mark.skipif(torch.cuda.device_count() > 0, reason="shows on the CPU what is meant for GPUs")


def weights(folder: Path | str) -> dict[str, torch.Tensor]:
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def distance(a: Path | str, b: Path | str) -> float:
    """The furthest that one weight is from its counterpart."""
    ours, theirs = weights(a), weights(b)
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


def on_the_cpu(file: Path, target: Path) -> Path:
    """A config for two processes that have no GPU."""
    config = yaml.safe_load(file.read_text()) | {"num_processes": 2, "mixed_precision": "no"}
    target.write_text(yaml.safe_dump(config))
    return target


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_accelerate_takes_every_config_that_comes_with_heed(file: Path) -> None:
    config = load_config_from_file(str(file))
    assert config.num_processes % config.num_machines == 0
    if file.stem.startswith("zero"):
        assert config.deepspeed_config["zero_stage"] == int(file.stem[-1])
    else:
        assert accelerating.read(file, 0).processes == config.num_processes
        assert accelerating.read(file, 4).processes == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no file"),
        ("num_processes: 2\n", "distributed_type"),
        ("distributed_type: MULTI_GPU\nnum_procesess: 2\n", "num_procesess"),
        ("distributed_type: MANY\n", "MANY"),
        ("- a list\n", "accelerate does not take"),
        ("a: [\n", "accelerate does not take"),
        ("distributed_type: MULTI_GPU\n", "-1 processes on 1 machines"),
        ("distributed_type: MULTI_GPU\nnum_machines: 2\nnum_processes: 3\n", "3 processes on 2 machines"),
        ("distributed_type: MULTI_GPU\nnum_machines: 0\nnum_processes: 3\n", "3 processes on 0 machines"),
    ],
)
def test_a_config_that_is_wrong_is_said_before_anything_is_launched(
    having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path, text: str | None, said: str
) -> None:
    config = tmp_path / "config.yaml"
    if text:
        config.write_text(text)
    with pytest.raises(BadInput, match=said) as refused:
        launch.run(jobs.supervised(having("train"), base, pairs[:8], pairs[8:10], tmp_path, None), config)
    assert str(config) in refused.value.what
    assert refused.value.where == "train.accelerate"


@no_gpu
def test_weights_that_fsdp_spread_over_processes_become_the_model_that_is_whole_on_each_even_after_a_kill(
    having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path
) -> None:
    settings = having("train", batch_size=4, checkpoint_steps=2)
    plain = jobs.preference(settings, base, pairs[:40], pairs[40:44], tmp_path / "plain", None)
    launch.run(plain, on_the_cpu(CONFIGS / "gpus.yaml", tmp_path / "gpus.yaml"))
    spread = plain.model_copy(update={"output": tmp_path / "spread"})
    start = sharded(spread, on_the_cpu(CONFIGS / "fsdp.yaml", tmp_path / "fsdp.yaml"))
    killed_at_checkpoint(spread, start)
    assert (spread.output / "checkpoint-2" / "pytorch_model_fsdp_0").is_dir()  # so it was spread
    assert start().wait(timeout=120) == 0
    assert {path.name for path in spread.output.iterdir() if path.is_dir()} == {"final"}
    assert distance(plain.final, spread.final) < 1e-5
    assert distance(base, spread.final) > 1e-4  # so that the last number means something


def sharded(job: Job, config: Path) -> Callable[[], subprocess.Popen]:
    job.output.mkdir()
    written = job.output / "job.json"
    written.write_text(job.model_dump_json())
    launcher = launch.command(written, 2, accelerating.read(config, 0))
    launcher[launcher.index("components.training.job")] = "tests.components.training.sharding"
    return lambda: subprocess.Popen(launcher, cwd=ROOT, stdout=sys.stderr, start_new_session=True)


def killed_at_checkpoint(job: Job, start: Callable[[], subprocess.Popen]) -> None:
    """Start a job, stop it when it has a checkpoint, and leave no other."""
    process = start()
    until = time.monotonic() + 120
    while last_checkpoint(job.output) is None:
        assert process.poll() is None, "it ended before its checkpoint"
        assert time.monotonic() < until, "no checkpoint came"
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)  # which the launcher hands on to its processes
    process.wait()
    assert not job.final.exists()
    for later in job.output.glob("checkpoint-*"):
        if later.name != "checkpoint-2":
            shutil.rmtree(later)
