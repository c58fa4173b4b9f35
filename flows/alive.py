"""Alive: whether a service that `heed up` keeps up here does what it is there for, as a container's health check asks.

    python -m flows.alive capture

Exit code 0 if it does, 1 if not.
"""

import os
import sys
from datetime import UTC, datetime, timedelta

from components.services.answering import answers
from components.workspace import Workspace, find
from flows.services import (
    CAPTURE,
    DATA_WORKER,
    MLFLOW,
    PREFECT,
    TRAINING_WORKER,
    WATCH,
    address,
    asks_for_work,
    worker_name,
)
from flows.standby import DATA_POOL, TRAINING_POOL

SILENCE = timedelta(seconds=120)
"""How long a worker, which answers nobody, may not be heard of by Prefect; it is every 30 seconds."""


def alive(workspace: Workspace, name: str) -> bool:
    """Whether a service on this machine is well.

    Args:
        workspace: whose.
        name: one of `services.NAMES`.
    """
    servers, capture = workspace.settings.servers, workspace.settings.capture
    answering = {
        PREFECT: f"{address(servers.host, servers.prefect_port)}/api/health",
        MLFLOW: f"{address(servers.host, servers.mlflow_port)}/health",
        CAPTURE: f"{address(capture.host, capture.port)}/healthz",
        WATCH: f"{address(servers.host, servers.metrics_port)}/metrics",
    }
    if name in answering:
        return answers(answering[name])
    pool = {DATA_WORKER: DATA_POOL, TRAINING_WORKER: TRAINING_POOL}[name]
    return asks_for_work(os.environ["PREFECT_API_URL"], pool, worker_name(workspace), datetime.now(UTC) - SILENCE)


if __name__ == "__main__":
    sys.exit(not alive(find(None), sys.argv[1]))
