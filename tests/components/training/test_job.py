"""A job that is killed goes on where it was, and what it leaves is whole."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM

from components.config import Settings
from components.training import jobs, launch
from components.training.job import Job, Tracking, last_checkpoint, train

STEPS, EVERY = 30, 10  # moves of the weights in all, and between checkpoints

Weights = dict[str, torch.Tensor]


def weights(folder: Path | str) -> Weights:
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def distance(a: Weights, b: Weights) -> float:
    """The furthest that one weight is from its counterpart."""
    return max(float((a[name] - b[name]).abs().max()) for name in a)


@pytest.fixture
def job(
    having: Callable[..., Settings], base: str, pairs: pl.DataFrame, tracking: Tracking, tmp_path: Path
) -> Callable[[str], Job]:
    """The same work in folders of different names."""
    settings = having("train", batch_size=4, epochs=2.0, checkpoint_steps=EVERY)
    return lambda name: jobs.preference(settings, base, pairs[:60], pairs[60:64], tmp_path / name, tracking)


def killed_at(job: Job, step: int, start: Callable[[Path], subprocess.Popen]) -> None:
    """Run a job in a process and kill it, by SIGKILL, when it has just finished a checkpoint."""
    written = job.output / "JOB.json"
    written.write_text(job.model_dump_json())
    process = start(written)
    until = time.monotonic() + 120
    while last_checkpoint(job.output) != str(job.output / f"checkpoint-{step}"):
        assert process.poll() is None, "it ended before its checkpoint"
        assert time.monotonic() < until, "no checkpoint came"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not job.final.exists()


def test_a_killed_job_goes_on_from_its_checkpoint_and_ends_where_an_undisturbed_one_does(
    job: Callable[[str], Job],
    start: Callable[[Path], subprocess.Popen],
    curve: Callable[[str], list[int]],
    base: str,
    tmp_path: Path,
) -> None:
    disturbed = job("disturbed")
    killed_at(disturbed, 2 * EVERY, start)
    before = curve("loss")
    assert before[:4] == [5, 10, 15, 20]
    # The same moment again, but killed half way through writing the second checkpoint.
    half = job("half")
    shutil.copytree(disturbed.output, half.output, dirs_exist_ok=True)
    (half.output / f"checkpoint-{2 * EVERY}" / "trainer_state.json").write_text('{"epoch": 1.')

    assert start(disturbed.output / "JOB.json").wait(timeout=120) == 0
    after = curve("loss")[len(before) :]
    assert min(after) > 2 * EVERY
    assert after[-1] == STEPS
    assert {path.name for path in disturbed.output.iterdir() if path.is_dir()} == {"final"}

    seen = len(curve("loss"))
    assert last_checkpoint(half.output) == str(half.output / f"checkpoint-{EVERY}")
    train(half)
    assert curve("loss")[seen:] == [15, 20, 25, 30]
    assert {path.name for path in half.output.iterdir() if path.is_dir()} == {"final"}

    undisturbed = weights(train(job("undisturbed")))
    assert distance(undisturbed, weights(base)) > 1e-3  # so that the next numbers mean something
    assert distance(undisturbed, weights(disturbed.final)) < 1e-5  # equal, on a CPU
    assert distance(undisturbed, weights(half.final)) < 1e-5  # equal, on a CPU

    done = {path: path.stat().st_mtime_ns for path in disturbed.output.rglob("*")}
    logged = len(curve("loss"))
    launch.run(disturbed)
    train(disturbed)
    assert {path: path.stat().st_mtime_ns for path in disturbed.output.rglob("*")} == done
    assert len(curve("loss")) == logged


def test_a_checkpoint_without_its_end_is_passed_over(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    for step, state in ((5, "{}"), (20, "{}"), (100, None), (90, ""), (80, '{"log_history": [')):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-20")


def test_what_a_kill_left_while_the_model_was_being_placed_is_not_mistaken_for_it(
    having: Callable[..., Settings], base: str, pairs: pl.DataFrame, tmp_path: Path
) -> None:
    job = jobs.supervised(having("sft", batch_size=16), base, pairs[:32], pairs[32:36], tmp_path, None)
    (tmp_path / "final.part").mkdir()
    (tmp_path / "final.part" / "model.safetensors").write_bytes(b"half")
    final = launch.run(job)
    assert all(tensor.isfinite().all() for tensor in weights(final).values())
    assert not (tmp_path / "final.part").exists()
