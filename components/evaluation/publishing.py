"""Puts a scorecard where people compare: metrics, figures and tables of the active MLflow run."""

import mlflow
import polars as pl
from matplotlib.figure import Figure

from components.evaluation.grouping import worst_group
from components.records.handles import Estimate
from components.tracking import log_estimates

GROUPED = ("policy/win_rate", "reward/accuracy")


def publish(measures: dict[str, Estimate], figures: dict[str, Figure], tables: dict[str, pl.DataFrame]) -> None:
    """Log what was measured to the active run; the ends of an interval stand beside their value.

    Tags name the group of users for whom it is worst.
    """
    log_estimates(measures)
    worst = {measure: worst_group(measure, measures) for measure in GROUPED}
    mlflow.set_tags({f"worst group/{measure}": group for measure, group in worst.items() if group})
    for name, figure in figures.items():
        mlflow.log_figure(figure, f"figures/{name}")
    for name, table in tables.items():
        mlflow.log_table(table.to_pandas(), name)
