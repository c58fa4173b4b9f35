"""Puts a scorecard where people compare: metrics, figures and the table of answers of the active MLflow run."""

import mlflow
import polars as pl
from matplotlib.figure import Figure

from components.records.handles import Estimate
from components.tracking import log_estimates


def publish(measures: dict[str, Estimate], figures: dict[str, Figure], answers: pl.DataFrame) -> None:
    """Log what was measured to the active run; the ends of an interval stand beside their value."""
    log_estimates(measures)
    for name, figure in figures.items():
        mlflow.log_figure(figure, f"figures/{name}")
    mlflow.log_table(answers.to_pandas(), "answers.json")
