"""Where heavy work runs: in this process, or as tasks of a Ray cluster. Knows nothing of the work.

On a cluster work is a function that every node can import, or that is made of such, and it reads and writes in folders
that all nodes have at the same path. It may be begun twice, where a node is lost. What it says goes to stderr.
"""

import os
import pickle
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

from components.records.errors import BadInput

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

KEY = "ray.address"

AT_A_TIME = min(4, os.cpu_count() or 1)
"""Pieces of work at a time in this process."""

PATIENCE = 5.0
"""Seconds that a cluster has to take a connection."""

TOLD = (
    "DO_NOT_TRACK",
    "HF_DATASETS_DISABLE_PROGRESS_BARS",
    "HF_HUB_DISABLE_PROGRESS_BARS",
    "MLFLOW_DISABLE_TELEMETRY",
    "MLFLOW_LOGGING_LEVEL",
    "OMP_WAIT_POLICY",
    "PREFECT_HOME",
    "PREFECT_SERVER_ANALYTICS_ENABLED",
    "PYTHONWARNINGS",
    "TOKENIZERS_PARALLELISM",
    "TQDM_DISABLE",
    "TRANSFORMERS_VERBOSITY",
)
"""What workers have of this process's environment: what keeps libraries quiet, and no password."""

_used: ContextVar[bool] = ContextVar("a Ray cluster is used", default=False)


@contextmanager
def of(address: str) -> Iterator[None]:
    """Let the work that is handed over inside the block run on a Ray cluster.

    Args:
        address: "auto" for the cluster that this machine is a node of, or its head as HOST:PORT; empty for none.

    Raises:
        BadInput: the extra is not installed, or the cluster does not answer.
    """
    if not address or _used.get():
        yield
        return
    ray = _connected(address)
    before = _used.set(True)
    try:
        yield
    finally:
        _used.reset(before)
        ray.shutdown()


def is_used() -> bool:
    """Whether work that is handed over here runs on a cluster."""
    return _used.get()


def resources() -> tuple[int, int, int]:
    """Nodes, CPUs and GPUs of the cluster."""
    import ray

    all_of_it = ray.cluster_resources()
    alive = sum(node["Alive"] for node in ray.nodes())
    return alive, int(all_of_it.get("CPU", 0)), int(all_of_it.get("GPU", 0))


def run(work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Do some work on one CPU of the cluster, and wait for it; here where none is used."""
    return _run({"num_cpus": 1}, work, *arguments, **named)


def run_on_device(work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """The same in a process of its own, with a GPU where the cluster has any."""
    return _run(_device() | {"max_calls": 1}, work, *arguments, **named) if is_used() else work(*arguments, **named)


def run_as_group(work: Callable[[], R], count: int, environment: Mapping[str, str]) -> R:
    """Do the same work in several processes of the cluster that speak to each other by torch.distributed.

    Args:
        work: is done in every process.
        count: how many processes, each with a GPU where the cluster has any.
        environment: what else stands in theirs.

    Returns:
        What comes of the work in the first process.

    Raises:
        BadInput: the cluster has not so many GPUs or CPUs.
    """
    import ray
    from ray.util.placement_group import placement_group, remove_placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    device = _device()
    _refuse_more_than_there_is(count, device)
    group = placement_group([{"CPU": 1.0} | ({"GPU": 1.0} if device["num_gpus"] else {})] * count)

    def begun(rank: int, work: Callable[..., Any], *arguments: object) -> Any:
        place = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank)
        options = device | {"scheduling_strategy": place, "max_calls": 1, "max_retries": 0}
        return _task(options, work)(*_all_packed(work, *arguments))

    try:
        ray.get(group.ready())
        host, port = _taken(begun(0, _meeting_point))
        shared = {**environment, "MASTER_ADDR": host, "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
        # Each process sees its own GPU alone, so each is the first of its machine.
        shared |= {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
        ranks = [begun(rank, _in_environment, {**shared, "RANK": str(rank)}, work) for rank in range(count)]
        waiting = list(ranks)
        while waiting:  # whichever fails first: the others would wait for it
            [done], waiting = ray.wait(waiting)
            _taken(done)
        return _taken(ranks[0])
    finally:
        remove_placement_group(group)  # and what still runs in it


class Pool(Generic[T, R]):
    """Does the same work with many things, several at a time.

    Attributes:
        at_a_time: how many are worth beginning before the first is waited for.
    """

    def __init__(self, at_a_time: int, begin: Callable[[T], Callable[[], R]]) -> None:
        self.at_a_time = at_a_time
        self.begin = begin
        """Begin with a thing; what it gives waits for what comes of it."""


@contextmanager
def pool(work: Callable[[T], R]) -> Iterator[Pool[T, R]]:
    """Where many things can be worked on: threads of this process, or tasks of the cluster with a CPU each."""
    if not is_used():
        with ThreadPoolExecutor(AT_A_TIME) as threads:
            yield Pool(AT_A_TIME, lambda thing: threads.submit(work, thing).result)
        return
    import ray

    kept = ray.put(_packed(work))  # once, because it may hold much
    task = _task({"num_cpus": 1, "scheduling_strategy": "SPREAD"}, work)
    yield Pool(max(1, resources()[1]), lambda thing: partial(_taken, task(kept, _packed((thing,)), _packed({}))))


def _connected(address: str) -> Any:
    try:
        import ray
    except ModuleNotFoundError:
        raise BadInput(
            f"{address!r} names a Ray cluster, and Ray is not installed", KEY, 'Run `pip install "heed-mlops[ray]"`.'
        ) from None
    _refuse_silence(address)
    told = {name: os.environ[name] for name in TOLD if name in os.environ}
    try:
        ray.init(address, runtime_env={"env_vars": told}, logging_level="ERROR", log_to_driver=True)
    except (ConnectionError, ImportError, RuntimeError, ValueError) as error:
        raise _no_cluster(address, str(error).splitlines()[0]) from None
    return ray


def _refuse_silence(address: str) -> None:
    """Say at once that nobody listens at a head's address; Ray itself would ask for a minute."""
    host, colon, port = address.rpartition(":")
    if address == "auto":
        return
    if not (host and colon and port.isdigit()) or "://" in address:
        raise _no_cluster(address, "it is no address of a Ray cluster's head")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, str(error)) from None


def _no_cluster(address: str, why: str) -> BadInput:
    fix = 'Run `ray start` on this machine and say "auto", name its head as HOST:PORT, or leave it empty.'
    return BadInput(f"no Ray cluster answers at {address!r}: {why}", KEY, fix)


def _device() -> dict[str, Any]:
    return {"num_cpus": 1, "num_gpus": 1 if resources()[2] else 0}


def _refuse_more_than_there_is(count: int, device: Mapping[str, int]) -> None:
    _, cpus, gpus = resources()
    there, named = (gpus, "GPUs") if device["num_gpus"] else (cpus, "CPUs")
    if count > there:
        fix = "Set train.processes lower, or start more nodes."
        raise BadInput(f"training asks for {count} processes, and the Ray cluster has {there} {named}", KEY, fix)


def _run(options: dict[str, Any], work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    if not is_used():
        return work(*arguments, **named)
    return _taken(_task(options, work)(*_all_packed(work, *arguments, **named)))


def _task(options: dict[str, Any], work: Callable[..., Any]) -> Callable[..., Any]:
    """Begins a task, which is called in Ray's own tools what the work is called here."""
    import ray

    name = getattr(work.func if isinstance(work, partial) else work, "__qualname__", type(work).__name__)
    return ray.remote(**options)(_work).options(name=name).remote


def _taken(reference: Any) -> Any:
    """What came of a task; what it failed with as itself, and not as Ray's word for it."""
    import ray
    from ray.exceptions import RayTaskError

    try:
        return pickle.loads(ray.get(reference))
    except RayTaskError as error:
        raise error.cause from None


def _work(work: bytes, arguments: bytes, named: bytes) -> bytes:
    """What a worker does."""
    with redirect_stdout(sys.stderr):
        return _packed(pickle.loads(work)(*pickle.loads(arguments), **pickle.loads(named)))


def _packed(thing: object) -> bytes:
    """A thing as bytes of its own: arrays that Ray hands over as they are lie in its store, and cannot be changed."""
    from ray import cloudpickle

    packed: bytes = cloudpickle.dumps(thing)
    return packed


def _all_packed(work: Callable[..., Any], *arguments: object, **named: object) -> tuple[bytes, bytes, bytes]:
    return _packed(work), _packed(arguments), _packed(named)


def _in_environment(environment: Mapping[str, str], work: Callable[[], R]) -> R:
    os.environ.update(environment)
    return work()


def _meeting_point() -> tuple[str, int]:
    """Where the first process of a group can be found: its node's address and a port that is free there."""
    import ray

    with socket.socket() as free:
        free.bind(("", 0))
        return ray.util.get_node_ip_address(), free.getsockname()[1]
