"""How steps run: which Prefect they report to, and why none is done twice.

A step is a Prefect task keyed by the handles it takes and the settings it reads. Its result is kept in the workspace,
so a step that was done is not done again, in the next retraining or after a crash. This module must come before any
import of prefect, because Prefect reads its settings when it is imported.
"""

import gc
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache, wraps
from importlib import import_module
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from components import cluster, journal, progress
from components.evaluation import must_pass
from components.records.errors import BadInput
from components.records.handles import DatasetVersion, Examination, Handle, ModelVersion, Scorecard, Trained
from components.records.identity import fingerprint
from components.services import note
from components.services.answering import answers
from components.workspace import Workspace, room, tally
from flows import evaluation_sets
from flows.signing import signed

PATIENCE = 10.0
"""Seconds in which a Prefect server has to answer."""

# Raised when a step would give another result for the same handles and settings.
GENERATION = 2

ROOM = 50 * 2**20
"""Free bytes without which no flow begins."""

P = ParamSpec("P")
R = TypeVar("R")


def settle(root: Path) -> None:
    """Point Prefect at the workspace, unless the user has a server of their own, and keep the libraries quiet.

    From then on this process writes the workspace's journal.
    """
    journal.keep(root / ".heed" / "logs", correlation)
    state = root / ".heed" / "prefect"
    state.mkdir(parents=True, exist_ok=True)
    defaults = {
        "PREFECT_LOCAL_STORAGE_PATH": str(state / "storage"),
        # Runs keep their logs for the Prefect UI; what a person must know at the terminal is said by the command line.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # On a machine that is busy a server takes longer to answer than the 20 s it is given.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "DO_NOT_TRACK": "1",
        "DVC_NO_ANALYTICS": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # With --json a program reads what is printed.
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
        "TQDM_DISABLE": "1",
        # Threads that wait by spinning make everything several times slower as soon as they share their cores.
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONWARNINGS": "ignore",
    }
    if "PREFECT_API_URL" not in os.environ:
        up = note.read(root / ".heed")
        if up:
            defaults["PREFECT_API_URL"] = up.prefect
        if up is None or up.own:
            defaults["PREFECT_HOME"] = str(state)
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore")
    # The libraries alone bring a million objects, through which Python would look for garbage again and again.
    gc.set_threshold(50_000, 20, 50)


def prefect_is_ours(workspace: Workspace) -> bool:
    """Whether the Prefect server is this workspace's own, so that nobody elsewhere asks it and nobody else's runs are
    there."""
    return os.environ.get("PREFECT_HOME") == str(workspace.prefect_home)


@contextmanager
def prefect(workspace: Workspace, *modules: str) -> Iterator[None]:
    """One connection to Prefect for all flows inside the block: to PREFECT_API_URL, or to a temporary server.

    Args:
        workspace: whose flows they are.
        modules: what the block is going to import; that takes seconds, in which the server starts.

    Raises:
        BadInput: the disk is full; a server would wait in vain for its own database.
    """
    room.require(Path(os.environ["PREFECT_LOCAL_STORAGE_PATH"]), ROOM)
    with ExitStack() as stack:
        with progress.step("Start Prefect", remember=False):
            from prefect.context import SyncClientContext
            from prefect.settings import get_current_settings

            server = get_current_settings().api.url
            if server:
                _refuse_silence(server)
            else:
                # What starting it imports comes first: two threads that import one package get in each other's way.
                import prefect.server.api.server  # noqa: F401

                threading.Thread(target=_import, args=(modules,), daemon=True).start()
            stack.enter_context(SyncClientContext.get_or_create())
            stack.enter_context(signed(workspace))
        yield


def _refuse_silence(server: str) -> None:
    """Ask a Prefect server whether it is well, for a while, in which it may be starting again.

    Args:
        server: address of its API.

    Raises:
        BadInput: it does not answer.
    """
    deadline = time.monotonic() + PATIENCE
    while not answers(f"{server.rstrip('/')}/health"):
        if time.monotonic() > deadline:
            fix = "Start it, wait for it, or take PREFECT_API_URL away; `heed doctor` says how things are."
            raise BadInput("the Prefect server does not answer", server, fix)
        time.sleep(0.5)


def _import(modules: tuple[str, ...]) -> None:
    # An import that fails says so where the block asks for it again.
    with suppress(Exception):
        for module in modules:
            import_module(module)


def origin() -> dict[str, str]:
    """Tags that lead from an MLflow run to the Prefect run that made it, and to the journal."""
    from prefect import runtime
    from prefect.utilities.urls import url_for

    page = url_for("flow-run", obj_id=runtime.flow_run.id)  # a server that is only there for this run has none
    return {
        "prefect.flow_run": str(runtime.flow_run.id),
        "prefect.flow_run_name": str(runtime.flow_run.name),
        **({"prefect.url": page} if page else {}),
        "heed.correlation": str(correlation()),
    }


def correlation() -> str | None:
    """The id of the Prefect run that all that is done now belongs to, in whatever process; None outside of a run.

    A retraining is one such run: what it lands, and what it hands to the training pool, has its id.
    """
    if "prefect.context" not in sys.modules:
        return None
    from prefect import runtime

    run = runtime.flow_run.id
    try:
        return _root(str(run)) if run else None
    except Exception:  # the server is away; what is written down then has the id of the part
        return str(run)


@lru_cache
def _root(_: str) -> str:
    from prefect import runtime

    return str(runtime.flow_run.root_flow_run_id)


def step(
    *sections: str,
    part: str,
) -> Callable[[Callable[Concatenate[Workspace, str, P], R]], Callable[Concatenate[Workspace, P], R]]:
    """Make work a Prefect task that is done once for the same handles and settings.

    Args:
        sections: the settings the work reads, as `train`; with `split` go the evaluation sets, with `evaluate` what
            must pass.
        part: of heed, as the journal calls it.

    The work is called with the workspace, the step's key, and its arguments: handles, or plain values.
    """

    def decorate(work: Callable[Concatenate[Workspace, str, P], R]) -> Callable[Concatenate[Workspace, P], R]:
        from prefect import task

        name = work.__name__.replace("_", " ")

        @task(name=name, task_run_name=name, cache_key_fn=_in_its_workspace, persist_result=True)
        def cached(workspace: Workspace, key: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> R:
            dataset = next((one.hash for one in arguments if isinstance(one, DatasetVersion)), None)
            with (
                progress.step(name.capitalize()),
                cluster.of(workspace.settings.ray.address),
                tally.timed(workspace, name),
                journal.stage(part, name, dataset=dataset) as told,
            ):
                done = work(workspace, key, *arguments, **named)
                told |= _facts(done)
                return done

        @wraps(work)
        def run(workspace: Workspace, *arguments: P.args, **named: P.kwargs) -> R:
            settings = {section: getattr(workspace.settings, section).model_dump() for section in sections}
            if "split" in sections:
                settings["evaluation sets"] = evaluation_sets.named(workspace)
            if "evaluate" in sections:
                settings |= must_pass.named(workspace.must_pass)
            given = [_named(value) for value in (*arguments, *sorted(named.items()))]
            return cached(workspace, fingerprint(GENERATION, work.__name__, settings, given), arguments, named)

        return run

    return decorate


def _facts(value: object) -> dict[str, object]:
    """What the journal tells of what a step made."""
    match value:
        case ModelVersion():
            return {"model": f"{value.name}/{value.version}", "run": value.run_id, "dataset": value.dataset}
        case Trained():
            return {"run": value.run_id, "dataset": value.dataset}
        case Scorecard():
            return {
                "challenger": value.challenger.version,
                "champion": value.champion.version,
                "dataset": value.dataset,
                "run": value.run_id,
            }
        case Examination():
            return {"dataset": value.dataset, "verdict": value.verdict.outcome, "run": value.run_id}
    return {}


def _named(value: object) -> object:
    if isinstance(value, tuple):
        return [_named(one) for one in value]
    return value.key if isinstance(value, Handle) else value


def _in_its_workspace(_: object, parameters: dict[str, Any]) -> str:
    return _result(parameters["workspace"], parameters["key"])


def _result(workspace: Workspace, key: str) -> str:
    """Two workspaces with the same data and settings have registries of their own, and so results of their own."""
    return fingerprint(key, str(workspace.root))


def forget_results(workspace: Workspace, keys: Iterable[str]) -> None:
    """Let steps be done again, because what came of them is no longer there.

    Args:
        workspace: whose.
        keys: of the steps.
    """
    results = Path(os.environ["PREFECT_LOCAL_STORAGE_PATH"])
    for key in keys:
        (results / _result(workspace, key)).unlink(missing_ok=True)
