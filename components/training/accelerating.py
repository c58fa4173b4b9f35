"""Reads accelerate's config files, as `accelerate config` writes them and infra/accelerate/ has them."""

from dataclasses import dataclass
from pathlib import Path

from components.records.errors import BadInput

KEY = "train.accelerate"


@dataclass(frozen=True)
class Accelerated:
    """What a config file asks for.

    Attributes:
        file: the file.
        processes: of all machines together.
        machines: how many take part.
    """

    file: Path
    processes: int
    machines: int


def read(file: Path, processes: int) -> Accelerated:
    """Read a config file.

    Args:
        file: YAML or JSON.
        processes: to take in the place of what the file says; 0 to take what it says.

    Raises:
        BadInput: there is no such file, accelerate does not take it, or it asks for what is not installed.
    """
    import yaml
    from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file
    from accelerate.utils import DistributedType, is_deepspeed_available

    if not file.is_file():
        raise BadInput(f"there is no file {file}", KEY, "Name one as infra/accelerate/ has them, or leave it empty.")
    try:
        config = load_config_from_file(str(file))
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise _not_taken(file, " ".join(str(error).split())) from None
    if not isinstance(config, ClusterConfig):
        raise _not_taken(file, "it is for SageMaker")
    if config.distributed_type is DistributedType.DEEPSPEED and not is_deepspeed_available():
        raise BadInput(f"{file} asks for DeepSpeed, which is not installed", KEY, "Run `pip install deepspeed`.")
    wanted = processes or config.num_processes
    if wanted < 1 or config.num_machines < 1 or wanted % config.num_machines:
        fix = "Set num_processes there, or train.processes: those of all machines together, as many on each."
        raise BadInput(f"{file} asks for {wanted} processes on {config.num_machines} machines", KEY, fix)
    return Accelerated(file, wanted, config.num_machines)


def _not_taken(file: Path, why: str) -> BadInput:
    return BadInput(f"accelerate does not take {file}: {why}", KEY, "Mend it, or let `accelerate config` write one.")
