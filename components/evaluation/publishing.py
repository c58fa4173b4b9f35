"""Puts a scorecard where people compare: metrics, figures, tables and traces of the active MLflow run.

What is put there again, because the step was killed and is done again, takes the place of what was there.
"""

import mlflow
import polars as pl
from matplotlib.figure import Figure

from components.evaluation.grouping import worst_group
from components.records.handles import Estimate
from components.tracking import log_estimates, log_tables

TRACED = 20  # prompts; each costs some 30 ms

GROUPED = ("policy/win_rate", "reward/accuracy")


def publish(measures: dict[str, Estimate], figures: dict[str, Figure], tables: dict[str, pl.DataFrame]) -> None:
    """Log what was measured to the active run; the ends of an interval stand beside their value.

    Args:
        measures: by name.
        figures: by the name of their file.
        tables: by the name of their file.

    Tags name the group of users for whom it is worst.
    """
    log_estimates(measures)
    worst = {measure: worst_group(measure, measures) for measure in GROUPED}
    mlflow.set_tags({f"worst group/{measure}": group for measure, group in worst.items() if group})
    for name, figure in figures.items():
        mlflow.log_figure(figure, f"figures/{name}")
    log_tables(tables)


def trace(answers: pl.DataFrame) -> None:
    """Show the first judged prompts among the traces of the active run: what was asked, both answers, the verdict.

    Args:
        answers: as `scoring.answers_table` returns them.
    """
    run, mlflow_client = mlflow.active_run(), mlflow.MlflowClient()
    assert run
    where = run.info.experiment_id
    before = mlflow_client.search_traces(locations=[where], run_id=run.info.run_id, include_spans=False)
    if before:
        mlflow_client.delete_traces(where, trace_ids=[one.info.trace_id for one in before])
    for row in answers.head(TRACED).to_dicts():
        judged = mlflow.start_span_no_context("judged prompt", inputs=row["prompt"], tags={"verdict": row["verdict"]})
        judged.end(outputs={name: row[name] for name in ("verdict", "why", "consistent", "champion", "challenger")})
    mlflow.flush_trace_async_logging()
