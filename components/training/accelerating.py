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


def environment(accelerated: Accelerated) -> dict[str, str]:
    """What accelerate's launcher tells a process about how to share the model, for who starts processes otherwise."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

    told = ["--config_file", str(accelerated.file), "--num_processes", str(accelerated.processes)]
    # How many machines there are, and where they meet, is the other's to say.
    told += ["--num_machines", "1", "--main_process_port", "0", "-m", "components.training.job"]
    arguments, defaults, precise = _validate_launch_command(launch_command_parser().parse_args(told))
    if arguments.use_deepspeed:
        named = [*defaults.deepspeed_config, *(["mixed_precision"] if precise else [])]
        arguments.deepspeed_fields_from_accelerate_config = ",".join(named)
        _, prepared = prepare_deepspeed_cmd_env(arguments)
    else:
        prepared = prepare_multi_gpu_env(arguments)
    return {name: value for name, value in prepared.items() if name.startswith(("ACCELERATE_", "FSDP_"))}


def _not_taken(file: Path, why: str) -> BadInput:
    return BadInput(f"accelerate does not take {file}: {why}", KEY, "Mend it, or let `accelerate config` write one.")
