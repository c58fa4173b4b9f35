"""Runs in MLflow: opened under the step they belong to, and found again after a crash. Knows nothing of models.

One experiment, `heed`. A run is named after its stage; its tag `heed.step` is the fingerprint of all it depends on. The
stages of a retraining stand below the run of the retraining.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from components.records.handles import DatasetVersion, Estimate
from components.records.messages import text_of
from components.workspace import Workspace, git
from components.workspace.files import place

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

EXPERIMENT = "heed"
RETRAINING = "retrain"
"""The stage of a run that is a whole retraining."""

PARENT = "mlflow.parentRunId"

VIEW = Path(__file__).parents[1] / "mlflow" / "retrainings.json"
SAVED_VIEW = "mlflow.sharedViewState."
MAKING = 300.0  # seconds for which whoever makes the database is waited for


def client(workspace: Workspace) -> "MlflowClient":
    """A client of the workspace's tracking server, which every call of the mlflow library then uses too."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for loud in ("mlflow", "alembic"):
        logging.getLogger(loud).setLevel(logging.ERROR)
    import mlflow

    make_store(workspace)
    mlflow.set_tracking_uri(workspace.tracking_uri)
    mlflow.set_registry_uri(workspace.tracking_uri)
    return mlflow.MlflowClient(workspace.tracking_uri)


def make_store(workspace: Workspace) -> None:
    """Make MLflow's database where it is the workspace's own and is not there yet: aside, then renamed into place.

    MLflow makes it in many steps, and cannot go on where it was killed between two of them.
    """
    database = workspace.state / "mlflow.db"
    if workspace.tracking_uri != f"sqlite:///{database}" or database.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with workspace.lock("mlflow", "making MLflow's database", wait=MAKING):
        if not database.exists():
            for left in workspace.state.glob(f".{database.name}.*"):  # by one who was killed
                left.unlink()
            place(database, lambda aside: SqlAlchemyStore(f"sqlite:///{aside}", workspace.artifacts).engine.dispose())


def experiment(workspace: Workspace) -> str:
    """Id of the experiment, made where there is none yet."""
    mlflow = client(workspace)
    found = mlflow.get_experiment_by_name(EXPERIMENT)
    if found:
        return found.experiment_id
    # A tracking server keeps artifacts where it is told to; without one they go where the settings say.
    settings = workspace.settings.mlflow
    place = workspace.artifacts if settings.artifacts or not settings.tracking_uri else None
    return mlflow.create_experiment(EXPERIMENT, artifact_location=place, tags={f"{SAVED_VIEW}{VIEW.stem}": _view()})


def retrainings_in(ui: str, workspace: Workspace) -> str:
    """The address of all retrainings in the MLflow UI, which is at another one."""
    return f"{ui}/#/experiments/{experiment(workspace)}/runs?viewStateShareKey={VIEW.stem}"


def _view() -> str:
    """The view of the runs that MLflow's UI offers under Views, as it keeps one that a person has saved."""
    view = json.loads(VIEW.read_text(encoding="utf-8"))
    return json.dumps(view | {"state": json.dumps(view["state"])})


@contextmanager
def run(
    workspace: Workspace,
    stage: str,
    step: str,
    dataset: DatasetVersion,
    params: Mapping[str, Any],
    origin: Mapping[str, str],
    parent: str = "",
) -> Iterator["Run"]:
    """The MLflow run of a step, active inside the block; a run that was killed is taken up again.

    Args:
        stage: what a person reads as the run's name.
        step: fingerprint of everything the step depends on.
        dataset: the version it works on.
        params: settings to show.
        origin: tags that say where the run came from, as the Prefect run.
        parent: id of the run it is a part of; empty for the retraining that its Prefect run works on, if there is one.
            A run that is taken up again stays below the first it was made for.
    """
    import mlflow

    before = known(workspace, stage, step)
    tags = tags_of(workspace, stage, step, dataset, origin)
    if not (before and PARENT in before.data.tags) and (above := parent or _retraining(workspace, origin)):
        tags[PARENT] = above
    name = f"{stage} on {dataset.hash[:8]}"
    opened = {"run_id": before.info.run_id} if before else {"experiment_id": experiment(workspace), "run_name": name}
    # The tags come with a new run in one call: a run without its step could be made again.
    with mlflow.start_run(**opened, tags=tags, log_system_metrics=False) as active:
        mlflow.log_params(dict(params))
        yield active


def known(workspace: Workspace, stage: str, step: str) -> "Run | None":
    """The run of a step, None where it has none yet."""
    return _first(workspace, f"tags.`heed.step` = '{step}' and tags.`heed.stage` = '{stage}'")


def tags_of(
    workspace: Workspace, stage: str, step: str, dataset: DatasetVersion, origin: Mapping[str, str]
) -> dict[str, str]:
    """What every run of heed says of itself; the arguments are those of `run`."""
    tags = {
        "heed.stage": stage,
        "heed.step": step,
        "heed.dataset": dataset.hash,
        "mlflow.source.git.commit": git.head(workspace.root),
        **origin,
    }
    if (pages := workspace.data_docs / "index.html").exists():
        tags["heed.data_docs"] = pages.as_uri()
    return tags


def _retraining(workspace: Workspace, origin: Mapping[str, str]) -> str:
    """The run of the retraining that a Prefect run works on, by whatever worker; empty where it works on none."""
    if "heed.correlation" not in origin:
        return ""
    worked_on = f"tags.`heed.correlation` LIKE '%{origin['heed.correlation']}%'"
    found = _first(workspace, f"tags.`heed.stage` = '{RETRAINING}' and {worked_on}")
    return found.info.run_id if found else ""


def _first(workspace: Workspace, query: str) -> "Run | None":
    found = client(workspace).search_runs([experiment(workspace)], query, max_results=1)
    return found[0] if found else None


def log_dataset(preferences: pl.DataFrame, version: DatasetVersion, side: str) -> None:
    """Name the rows a run used as its MLflow dataset input: their number, columns and the version's content hash."""
    import mlflow
    from mlflow.data.polars_dataset import from_polars

    flat = preferences.select(
        prompt=text_of(pl.col("prompt")),
        chosen=text_of(pl.col("chosen")),
        rejected=text_of(pl.col("rejected")),
        strength="strength",
        source="source",
    )
    # MLflow takes digests of at most 36 characters: DVC's hash, without its suffix.
    digest = version.hash.removesuffix(".dir")
    mlflow.log_input(from_polars(flat, source="data.dvc", name=f"data.dvc/{side}", digest=digest), context=side)


def log_sides(sizes: Mapping[str, int], withheld: pl.DataFrame) -> None:
    """Log how many preferences each side has as params `side/NAME`, and as `withheld.csv` which are on none, and why.

    Args:
        sizes: side to how many.
        withheld: `id` and `reason`.
    """
    import mlflow

    mlflow.log_params({f"side/{name}": size for name, size in sizes.items()})
    if withheld.height:
        mlflow.log_text(withheld.write_csv(), "withheld.csv")


def log_estimates(measures: Mapping[str, Estimate], run_id: str | None = None) -> None:
    """Log numbers to a run, by default the active one; the ends of an interval stand beside their value."""
    import mlflow

    mlflow.log_metrics(
        {
            f"{name}{end}": number
            for name, estimate in measures.items()
            for end, number in (("", estimate.value), ("/low", estimate.low), ("/high", estimate.high))
        },
        run_id=run_id,
    )


def log_tables(tables: Mapping[str, pl.DataFrame]) -> None:
    """Log all the tables of the active run, by the name of their file, in place of those that are there."""
    import mlflow

    for name, table in tables.items():
        # Not by mlflow.log_table, which puts the rows of a step that is done again behind those that are there.
        mlflow.log_text(table.to_pandas().to_json(orient="split", index=False, force_ascii=False), name)
    mlflow.set_tag("mlflow.loggedArtifacts", json.dumps([{"path": name, "type": "table"} for name in tables]))
