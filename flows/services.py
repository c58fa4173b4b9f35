"""What runs where heed runs by itself: one list, for `heed up` and for containers alike.

A team that has a Prefect server or an MLflow server of its own (PREFECT_API_URL, mlflow.tracking_uri) gets none here.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from components.records.errors import BadInput
from components.services.supervisor import Service
from components.workspace import Workspace
from flows.terminal import served_by_mlflow

PREFECT, MLFLOW, CAPTURE, WATCH = "prefect", "mlflow", "capture", "watch"
DATA_WORKER, TRAINING_WORKER = "data-worker", "training-worker"
WAVES = ((PREFECT, MLFLOW, CAPTURE), (WATCH,), (DATA_WORKER, TRAINING_WORKER))
"""Each comes up when those before answer: the watch makes the pools that workers work on."""

NAMES = tuple(name for wave in WAVES for name in wave)

DATA_POOL, TRAINING_POOL = "heed-data", "heed-training"

WORK_IS_ASKED_FOR = 1
"""Every so many seconds, by a worker."""

SCHEDULES_ARE_READ = 10
"""Every so many seconds, by the Prefect server: a new schedule is one from then on."""

RUNS_SAY_THAT_THEY_LIVE = 30
"""Every so many seconds; Prefect takes a flow run that has not said so for three times as long for dead."""


@dataclass(frozen=True)
class Place:
    """Where the servers are.

    Attributes:
        host: of all servers, as they are reached from this machine.
        ports: name of a server that is started here to its port.
        prefect: address of the Prefect API, here or elsewhere.
    """

    host: str
    ports: dict[str, int]
    prefect: str

    def url(self, name: str) -> str:
        """The address of a server that is started here."""
        return f"http://{self.host}:{self.ports[name]}"


def place(workspace: Workspace, chosen: Iterable[str]) -> Place:
    """Find out where everything will be.

    Raises:
        BadInput: a port is taken.
    """
    settings = workspace.settings
    elsewhere = os.environ.get("PREFECT_API_URL", "")
    wanted = {
        PREFECT: ("servers.prefect_port", settings.servers.host, settings.servers.prefect_port),
        MLFLOW: ("servers.mlflow_port", settings.servers.host, settings.servers.mlflow_port),
        CAPTURE: ("capture.port", settings.capture.host, settings.capture.port),
        WATCH: ("servers.metrics_port", settings.servers.host, settings.servers.metrics_port),
    }
    here = {name for name in chosen if name in wanted}
    if elsewhere:
        here.discard(PREFECT)
    if served_by_mlflow(workspace):
        here.discard(MLFLOW)
    ports = {name: _free(*wanted[name]) for name in wanted if name in here}
    host = "127.0.0.1" if settings.servers.host in ("0.0.0.0", "::") else settings.servers.host
    own = f"http://{host}:{ports[PREFECT]}/api" if PREFECT in ports else ""
    if not (elsewhere or own):
        fix = f"Start {PREFECT} here too, or set PREFECT_API_URL to the address of the one there is."
        raise BadInput("there is no Prefect server to work with", "heed up", fix)
    return Place(host, ports, elsewhere or own)


def services(
    workspace: Workspace, where: Place, chosen: Iterable[str], overrides: Iterable[str]
) -> list[list[Service]]:
    """The processes, in the waves in which they are started.

    Args:
        workspace: whose.
        where: as `place` says.
        chosen: which of `NAMES`.
        overrides: settings of the command line, which all of them get.
    """
    environment = (
        os.environ
        | _as_environment(overrides)
        | {
            "HEED_WORKSPACE": str(workspace.root),
            "PREFECT_API_URL": where.prefect,
            "PREFECT_WORKER_QUERY_SECONDS": str(WORK_IS_ASKED_FOR),
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(RUNS_SAY_THAT_THEY_LIVE),
        }
    )
    set_by = {CAPTURE: "HEED_CAPTURE_PORT", WATCH: "HEED_SERVERS_METRICS_PORT"}
    environment |= {set_by[name]: str(port) for name, port in where.ports.items() if name in set_by}
    makers = {
        PREFECT: _prefect,
        MLFLOW: _mlflow,
        CAPTURE: _capture,
        WATCH: _watch,
        DATA_WORKER: lambda *given: _worker(DATA_WORKER, DATA_POOL, *given),
        TRAINING_WORKER: lambda *given: _worker(TRAINING_WORKER, TRAINING_POOL, *given),
    }
    absent = {name for name in (PREFECT, MLFLOW) if name not in where.ports}
    wanted = set(chosen) - absent
    return [[makers[name](workspace, where, environment) for name in wave if name in wanted] for wave in WAVES]


def _prefect(workspace: Workspace, where: Place, environment: dict[str, str]) -> Service:
    own = {name: value for name, value in environment.items() if name != "PREFECT_API_URL"}
    own |= {
        "PREFECT_UI_API_URL": where.prefect,
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": str(SCHEDULES_ARE_READ),
    }
    return Service(
        PREFECT,
        _python("prefect", "server", "start", *_listens(workspace, where, PREFECT)),
        own,
        _answers(f"{where.prefect}/health"),
        where.url(PREFECT),
    )


def _mlflow(workspace: Workspace, where: Place, environment: dict[str, str]) -> Service:
    # It answers to people alone: what runs here writes to the store itself.
    own = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    store = ("--backend-store-uri", workspace.tracking_uri, "--artifacts-destination", str(workspace.artifacts))
    return Service(
        MLFLOW,
        _python("mlflow", "server", *store, "--workers", "1", *_listens(workspace, where, MLFLOW)),
        environment | own,
        _answers(f"{where.url(MLFLOW)}/health"),
        where.url(MLFLOW),
    )


def _capture(workspace: Workspace, where: Place, environment: dict[str, str]) -> Service:
    address = where.url(CAPTURE)
    return Service(CAPTURE, _python("flows.cli", "serve"), environment, _answers(f"{address}/healthz"), address)


def _watch(workspace: Workspace, where: Place, environment: dict[str, str]) -> Service:
    address = f"{where.url(WATCH)}/metrics"
    return Service(WATCH, _python("flows.cli", "watch"), environment, _answers(address), address)


def _worker(name: str, pool: str, workspace: Workspace, where: Place, environment: dict[str, str]) -> Service:
    called = f"{workspace.root.name} on {socket.gethostname()}"
    command = _python("prefect", "worker", "start", "--pool", pool, "--type", "process", "--name", called)
    return Service(name, command, environment, _asks_for_work(where.prefect, pool, called))


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _listens(workspace: Workspace, where: Place, name: str) -> tuple[str, ...]:
    return ("--host", workspace.settings.servers.host, "--port", str(where.ports[name]))


def _answers(url: str) -> Callable[[], bool]:
    def asked() -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(url, timeout=2).is_success
        return False

    return asked


def _asks_for_work(api: str, pool: str, worker: str) -> Callable[[], bool]:
    begun = datetime.now(UTC)

    def asked() -> bool:
        with suppress(httpx.HTTPError):
            found = httpx.post(f"{api}/work_pools/{pool}/workers/filter", json={}, timeout=2)
            return found.is_success and any(
                one["name"] == worker and datetime.fromisoformat(one["last_heartbeat_time"]) > begun
                for one in found.json()
            )
        return False

    return asked


def _as_environment(overrides: Iterable[str]) -> dict[str, str]:
    """Settings of a command line as the environment says them."""
    told = (override.partition("=") for override in overrides)
    return {f"HEED_{key.strip().replace('.', '_').upper()}": value.strip() for key, _, value in told}


def _free(setting: str, host: str, port: int) -> int:
    """The port, or any that is free where it is 0.

    Raises:
        BadInput: it is taken, or there is no such address here.
    """
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            fix = f"Stop what listens there, or set {setting} to another port; 0 takes any that is free."
            raise BadInput(f"cannot listen at port {port} of {host}: {error.strerror}", setting, fix) from None
        found: int = tried.getsockname()[1]
        return found
