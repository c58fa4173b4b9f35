"""Runs a job where it belongs: in this process on one device, through `accelerate launch` on several."""

import subprocess
import sys
from pathlib import Path

from components.training.job import Job, train


def run(job: Job) -> Path:
    """Run a job to its end; a job that is done is not done again.

    Returns:
        The folder of the finished model.

    Raises:
        BadInput: the base model or the settings do not fit.
        RuntimeError: a process of a launch on several devices failed; its output is on stderr.
    """
    if job.final.exists():
        return job.final
    job.output.mkdir(parents=True, exist_ok=True)
    processes = job.processes or devices()
    if processes == 1:
        return train(job)
    from components.training import models

    models.check(job.base, job.revision)  # here, where it is a BadInput and not the exit code of another process
    written = job.output / "job.json"
    written.write_text(job.model_dump_json(indent=2))
    done = subprocess.run(command(written, processes), stdout=sys.stderr, check=False)
    if done.returncode:
        raise RuntimeError(f"training on {processes} processes ended with exit code {done.returncode}: {job.label}")
    return job.final


def command(written: Path, processes: int) -> list[str]:
    """The command that runs a written job on several devices of this machine (or several processes of its CPU)."""
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", str(processes)]
    # "multi_gpu" means one process a device by torchrun; accelerate's "cpu" would start a single one. The job itself
    # says that it trains on the CPU where there is no GPU. Port 0 is any free one.
    settled = ["--multi_gpu", "--main_process_port", "0", "--num_machines", "1"]
    settled += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    return [*launcher, *settled, "-m", "components.training.job", str(written)]


def devices() -> int:
    """How many GPUs there are, 1 where there is none."""
    import torch

    return max(1, torch.cuda.device_count())
