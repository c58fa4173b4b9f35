"""On a Ray cluster the same job gives the same model, in one process or in a group of them."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM

from components import cluster
from components.config import Settings
from components.records.errors import BadInput
from components.training import accelerating, jobs, launch
from components.training.rewards.fitting import fit

CONFIGS = Path(__file__).parents[3] / "infra" / "accelerate"

Having = Callable[..., Settings]


def weights(folder: Path | str) -> dict[str, torch.Tensor]:
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def close(a: Path | str, b: Path | str) -> bool:
    ours, theirs = weights(a), weights(b)
    return all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)


@pytest.mark.skipif(torch.cuda.device_count() > 0, reason="the cluster of the tests has no GPU, so it would differ")
@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_gives_the_model_that_it_gives_without_ray(
    having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path, ray_cluster: str, processes: int
) -> None:
    settings = having("train", processes=processes, batch_size=4)
    here = jobs.preference(settings, base, pairs[:40], pairs[40:44], tmp_path / "here", None)
    there = here.model_copy(update={"output": tmp_path / "there"})
    launch.run(here)
    with cluster.of(ray_cluster):
        launch.run(there)
    assert close(here.final, there.final)
    assert not close(base, there.final)  # so that the last line means something
    assert {path.name for path in there.output.iterdir() if path.is_dir()} == {"final"}


def test_a_reward_fitted_on_a_cluster_is_the_same_and_what_cannot_be_is_said(
    having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path, ray_cluster: str
) -> None:
    few, groups = pairs[:48], pl.Series([str(row) for row in range(48)])
    prompts, answers = few["prompt"].to_list()[:8], ["yes, of course, here it is"] * 8
    arguments = (Settings(), few[:40], few[40:], groups, "", tmp_path, tmp_path / "memory", None)
    here = fit(*arguments).score(prompts, answers)
    with cluster.of(ray_cluster):
        there = fit(*arguments).score(prompts, answers)
        assert cluster.run_on_device(os.getpid) != cluster.run_on_device(os.getpid)  # a process of its own for each
        job = jobs.supervised(having("train", processes=3), base, few[:8], few[8:10], tmp_path / "job", None)
        with pytest.raises(BadInput, match="asks for 3 processes, and the Ray cluster has 2 CPUs"):
            launch.run(job)
        with pytest.raises(BadInput, match="no model can be loaded from 'nowhere at all'"):
            launch.run(job.model_copy(update={"base": "nowhere at all", "processes": 1}))
    assert here == pytest.approx(there, abs=1e-4)
    assert here.std() > 0


def test_processes_that_ray_starts_share_a_model_as_accelerates_config_says() -> None:
    told = accelerating.environment(accelerating.read(CONFIGS / "fsdp.yaml", 2))
    assert told["ACCELERATE_USE_FSDP"] == "true"
    assert told["FSDP_VERSION"] == "2"
    assert told["ACCELERATE_MIXED_PRECISION"] == "bf16"
    assert "ACCELERATE_USE_FSDP" not in accelerating.environment(accelerating.read(CONFIGS / "machines.yaml", 2))
