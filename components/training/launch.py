"""Runs a job where it belongs: here on one device, by `accelerate launch` on several, or on a Ray cluster."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from components import cluster, progress
from components.training import accelerating
from components.training.job import Job, train


def run(job: Job, config: Path | None = None) -> Path:
    """Run a job to its end; a job that is done is not done again.

    Args:
        job: what to train.
        config: accelerate's config file, which says on what; None for the devices of this machine.

    Returns:
        The folder of the finished model.

    Raises:
        BadInput: the base model, the settings or the config do not fit.
        RuntimeError: a process of a launch on several devices failed; its output is on stderr.
    """
    if job.final.exists():
        return job.final
    job.output.mkdir(parents=True, exist_ok=True)
    accelerated = accelerating.read(config, job.processes) if config else None
    processes = accelerated.processes if accelerated else job.processes or devices()
    if accelerated is None and processes == 1 and not cluster.is_used():
        return train(job)
    from components.training import models

    models.check(job.base, job.revision)  # here, where it is a BadInput and not the exit code of another process
    if cluster.is_used():
        return _on_cluster(job, accelerated)
    written = job.output / "job.json"
    written.write_text(job.model_dump_json(indent=2))
    if accelerated and accelerated.machines > 1:
        progress.console.print(f"  Waits for {accelerated.machines - 1} other machines to run {written}")
    done = subprocess.run(command(written, processes, accelerated), stdout=sys.stderr, check=False)
    if done.returncode:
        raise RuntimeError(f"training on {processes} processes ended with exit code {done.returncode}: {job.label}")
    return job.final


def _on_cluster(job: Job, accelerated: accelerating.Accelerated | None) -> Path:
    processes = accelerated.processes if accelerated else job.processes or max(1, cluster.resources()[2])
    with progress.step(f"{job.label}: {processes} of Ray's processes"):
        if processes == 1:
            return cluster.run_on_device(train, job)
        environment = accelerating.environment(accelerated) if accelerated else {}
        return cluster.run_as_group(partial(train, job), processes, environment)


def command(written: Path, processes: int, accelerated: accelerating.Accelerated | None = None) -> list[str]:
    """The command that runs a written job on several devices, or several processes of this machine's CPU."""
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", str(processes)]
    # "multi_gpu" means one process a device by torchrun; accelerate's "cpu" would start a single one. The job itself
    # says that it trains on the CPU where there is no GPU. Port 0 is any free one.
    settled = ["--multi_gpu", "--main_process_port", "0", "--num_machines", "1"]
    settled += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    if accelerated:
        settled = ["--config_file", str(accelerated.file)]
        settled += ["--main_process_port", "0"] if accelerated.machines == 1 else []
    return [*launcher, *settled, "-m", "components.training.job", str(written)]


def devices() -> int:
    """How many GPUs there are, 1 where there is none."""
    import torch

    return max(1, torch.cuda.device_count())
