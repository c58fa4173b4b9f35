"""What a worker is started with: beside it a process stands by that has imported what the pool's flows need.

python -m flows.standby work POOL NAME    a worker of a pool, and what stands by beside it
python -m flows.standby wait POOL         what stands by
python -m flows.standby run               what the worker starts for a run of a flow
"""

import importlib
import os
import sys
from pathlib import Path

from components.services import standby

PLACE = "HEED_STANDBY"
"""Name of the variable that says where the run and what stands by find each other."""

ENGINE = "prefect.engine"
"""What Prefect runs a flow with, in a process of its own."""

OF_A_RUN = "PREFECT"
"""How variables begin that are told to each run anew."""

DATA_POOL, TRAINING_POOL = "heed-data", "heed-training"

ALL_NEED = (
    "dvc.repo.graph",
    "fastapi.encoders",
    "flows.deployed",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "networkx",
    "pandera.backends.polars.builtin_checks",
    "prefect.flow_engine",
    "scmrepo.git",
)
NEEDED = {
    DATA_POOL: (*ALL_NEED, "components.drawing", "components.validation.expectations.checkpoint", "flows.retrain"),
    TRAINING_POOL: (
        *ALL_NEED,
        "components.evaluation.publishing",
        "components.training.job",
        "components.training.rewards.features",
        "components.training.scratch",
        "flows.challenge",
        "transformers.modeling_utils",
    ),
}
"""What the flows of a pool import, by its name."""


def work(pool: str, name: str) -> int:
    """Be a worker of a pool; the exit code it ends with."""
    worker = ("prefect", "worker", "start", "--pool", pool, "--type", "process", "--name", name)
    waiting = ("flows.standby", "wait", pool)
    return standby.keep([sys.executable, "-m", *worker], [sys.executable, "-m", *waiting], Path(os.environ[PLACE]))


def wait(pool: str) -> None:
    """Import what the flows of a pool need, and run one."""
    waiting = standby.Standby(Path(os.environ[PLACE]), OF_A_RUN)
    # Libraries read their settings when they are imported.
    from components.workspace import find
    from flows.engine import settle

    settle(find(None).root)
    for module in NEEDED[pool]:
        importlib.import_module(module)
    from prefect.context import refresh_global_settings_context

    waiting.become(ENGINE, refresh_global_settings_context)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["work", pool, name]:
            sys.exit(work(pool, name))
        case ["wait", pool]:
            wait(pool)
        case ["run"]:
            standby.hand_over(Path(os.environ.get(PLACE, "")), ENGINE)


if __name__ == "__main__":
    main(sys.argv[1:])
