"""What runs where heed runs by itself: one list, for `heed up` and for containers alike.

A team that has a Prefect server or an MLflow server of its own (PREFECT_API_URL, mlflow.tracking_uri) gets none here.
"""

import os
import socket
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from components import journal
from components.records.errors import BadInput
from components.services import ports
from components.services.answering import answers
from components.services.supervisor import Service
from components.workspace import Workspace
from flows import standby

PREFECT, MLFLOW, CAPTURE, WATCH = "prefect", "mlflow", "capture", "watch"
DATA_WORKER, TRAINING_WORKER = "data-worker", "training-worker"
WAVES = ((PREFECT, MLFLOW, CAPTURE), (WATCH,), (DATA_WORKER, TRAINING_WORKER))
"""Each comes up when those before answer: the watch makes the pools that workers work on."""

NAMES = tuple(name for wave in WAVES for name in wave)


MLFLOW_AUTH = ("MLFLOW_FLASK_SERVER_SECRET_KEY", "MLFLOW_AUTH_ADMIN_USERNAME", "MLFLOW_AUTH_ADMIN_PASSWORD")
"""What MLflow has to find in the environment where it asks for passwords."""

WORK_IS_ASKED_FOR = 1
"""Every so many seconds, by a worker."""

RUN_A_FLOW = "python -m flows.standby run"
"""What a worker runs: the Python of its own machine, which stands first in its PATH."""

SCHEDULES_ARE_READ = 10
"""Every so many seconds, by the Prefect server: a new schedule is one from then on."""


@dataclass(frozen=True)
class Place:
    """Where the servers are.

    Attributes:
        hosts: name of a server that is started here to the host it listens at.
        ports: name of a server that is started here to its port.
        prefect: address of the Prefect API, here or elsewhere.
    """

    hosts: dict[str, str]
    ports: dict[str, int]
    prefect: str

    def url(self, name: str) -> str:
        """The address of a server that is started here."""
        return address(self.hosts[name], self.ports[name])


def address(host: str, port: int) -> str:
    """Where a server that listens at a host and port is reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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
    if workspace.is_tracked_by_server:
        here.discard(MLFLOW)
    found = {name: _free(*wanted[name]) for name in wanted if name in here}
    hosts = {name: wanted[name][1] for name in found}
    own = f"{Place(hosts, found, '').url(PREFECT)}/api" if PREFECT in found else ""
    if not (elsewhere or own):
        fix = f"Start {PREFECT} here too, or set PREFECT_API_URL to the address of the one there is."
        raise BadInput("there is no Prefect server to work with", "heed up", fix)
    return Place(hosts, found, elsewhere or own)


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
        }
    )
    set_by = {CAPTURE: "HEED_CAPTURE_PORT", WATCH: "HEED_SERVERS_METRICS_PORT"}
    environment |= {set_by[name]: str(port) for name, port in where.ports.items() if name in set_by}
    makers = {
        PREFECT: _prefect,
        MLFLOW: _mlflow,
        CAPTURE: _capture,
        WATCH: _watch,
        DATA_WORKER: lambda *given: _worker(DATA_WORKER, standby.DATA_POOL, *given),
        TRAINING_WORKER: lambda *given: _worker(TRAINING_WORKER, standby.TRAINING_POOL, *given),
    }
    absent = {name for name in (PREFECT, MLFLOW) if name not in where.ports}
    wanted = set(chosen) - absent
    return [
        [makers[name](workspace, where, environment | {journal.WRITER: name}) for name in wave if name in wanted]
        for wave in WAVES
    ]


def _prefect(workspace: Workspace, where: Place, environment: dict[str, str]) -> Service:
    own = {name: value for name, value in environment.items() if name != "PREFECT_API_URL"}
    own["PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS"] = str(SCHEDULES_ARE_READ)
    # On disk, so that a server that is started again knows who is at work.
    own["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"] = "prefect.server.concurrency.lease_storage.filesystem"
    # Browsers of other machines may know it by another address.
    own.setdefault("PREFECT_UI_API_URL", where.prefect)
    return Service(
        PREFECT,
        _python("prefect", "server", "start", *_listens(workspace, where, PREFECT)),
        own,
        lambda: answers(f"{where.prefect}/health"),
        where.url(PREFECT),
    )


def _mlflow(workspace: Workspace, where: Place, environment: dict[str, str]) -> Service:
    own = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # Not in the command, which everybody on this machine can read: a password may be in it.
        "MLFLOW_BACKEND_STORE_URI": workspace.tracking_uri,
        "MLFLOW_ARTIFACTS_DESTINATION": workspace.artifacts,
    }
    command = ["mlflow", "server", "--workers", "1", *_listens(workspace, where, MLFLOW)]
    if workspace.settings.servers.mlflow_auth:
        command += ["--app-name", "basic-auth"]
        own["MLFLOW_AUTH_CONFIG_PATH"] = str(_users_of_mlflow(workspace, environment))
    return Service(
        MLFLOW,
        _python(*command),
        environment | own,
        lambda: answers(f"{where.url(MLFLOW)}/health"),
        where.url(MLFLOW),
    )


def _users_of_mlflow(workspace: Workspace, environment: Mapping[str, str]) -> Path:
    """The file that tells MLflow where its users are: in the database that its runs are in.

    Raises:
        BadInput: MLflow is not told what it needs to begin.
    """
    if missing := [name for name in MLFLOW_AUTH if not environment.get(name)]:
        fix = "Set them in the environment; the administrator's hold from the first start on."
        raise BadInput(f"MLflow cannot ask for passwords without {', '.join(missing)}", "servers.mlflow_auth", fix)
    # Whoever has a name and a password may look at everything. In such a file a % is written twice.
    store = workspace.tracking_uri.replace("%", "%%")
    file = workspace.state / "mlflow-auth.ini"
    file.touch(mode=0o600)  # a password may be in it
    file.write_text(f"[mlflow]\ndatabase_uri = {store}\ndefault_permission = READ\n")
    return file


def _capture(workspace: Workspace, where: Place, environment: dict[str, str]) -> Service:
    reached = where.url(CAPTURE)
    return Service(CAPTURE, _python("flows.cli", "serve"), environment, lambda: answers(f"{reached}/healthz"), reached)


def _watch(workspace: Workspace, where: Place, environment: dict[str, str]) -> Service:
    metrics = f"{where.url(WATCH)}/metrics"
    return Service(WATCH, _python("flows.cli", "watch"), environment, lambda: answers(metrics), metrics)


def _worker(name: str, pool: str, workspace: Workspace, where: Place, environment: dict[str, str]) -> Service:
    called = worker_name(workspace)
    own = environment | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")]),
        standby.PLACE: str(workspace.state / f"{name}-{socket.gethostname()}.socket"),
    }
    command = _python("flows.standby", "work", pool, called)
    begun = datetime.now(UTC)
    return Service(name, command, own, lambda: asks_for_work(where.prefect, pool, called, begun))


def worker_name(workspace: Workspace) -> str:
    """What Prefect calls a worker of this machine."""
    return f"{workspace.name} on {socket.gethostname()}"


def asks_for_work(api: str, pool: str, worker: str, since: datetime) -> bool:
    """Whether a Prefect server has heard of a worker since then."""
    name, _, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    with suppress(httpx.HTTPError):
        found = httpx.post(
            f"{api}/work_pools/{pool}/workers/filter", json={}, timeout=2, auth=(name, password) if name else None
        )
        return found.is_success and any(
            one["name"] == worker and datetime.fromisoformat(one["last_heartbeat_time"]) > since for one in found.json()
        )
    return False


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _listens(workspace: Workspace, where: Place, name: str) -> tuple[str, ...]:
    return ("--host", workspace.settings.servers.host, "--port", str(where.ports[name]))


def _as_environment(overrides: Iterable[str]) -> dict[str, str]:
    """Settings of a command line as the environment says them."""
    told = (override.partition("=") for override in overrides)
    return {f"HEED_{key.strip().replace('.', '_').upper()}": value.strip() for key, _, value in told}


def _free(setting: str, host: str, port: int) -> int:
    """The port, or any that is free where it is 0.

    Raises:
        BadInput: it is taken, or there is no such address here.
    """
    try:
        return ports.free(host, port)
    except OSError as error:
        fix = f"Stop what listens there, or set {setting} to another port; 0 takes any that is free."
        raise BadInput(f"cannot listen at port {port} of {host}: {error.strerror}", setting, fix) from None
