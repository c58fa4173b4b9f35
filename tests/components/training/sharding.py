"""Runs a written job with FSDP on the CPU: accelerate has it for GPUs alone, and is told here that gloo is one.

accelerate launch --config_file … -m tests.components.training.sharding JOB.json
"""

import os
import sys
from pathlib import Path

import torch.distributed
from accelerate.state import PartialState
from accelerate.utils import DistributedType

from components.training.job import Job, train


def main() -> None:
    os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    PartialState._prepare_backend = lambda *_, **__: ("gloo", DistributedType.MULTI_GPU)
    torch.distributed.init_process_group("gloo")
    train(Job.model_validate_json(Path(sys.argv[1]).read_text()))


if __name__ == "__main__":
    main()
