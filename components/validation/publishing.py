"""Puts what was found in the data where people compare: metrics, figures, suspects and the report of the MLflow run."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import mlflow

from components.records.handles import DataVerdict
from components.tracking import log_estimates, log_tables
from components.validation.expectations import Expected, of_all
from components.validation.finding import Finding


def publish(findings: dict[str, Finding], pictures: dict[str, str], verdict: DataVerdict, report: Path) -> None:
    """Log findings to the active run.

    Args:
        findings: name of an audit to what it found.
        pictures: name of an audit to its figure, as SVG.
        verdict: what the data gate says.
        report: the page with all of it.
    """
    for name, finding in findings.items():
        log_estimates(finding.measures)
        mlflow.log_text(pictures[name], f"figures/{name.replace(' ', '_')}.svg")
    suspects = {name: finding.suspects for name, finding in findings.items() if finding.suspects.height}
    log_tables({f"suspects/{name.replace(' ', '_')}.json": rows for name, rows in suspects.items()})
    mlflow.log_artifact(str(report))
    mlflow.set_tags({"heed.data_gate": verdict.outcome, "heed.data_gate_reasons": "\n".join(verdict.reasons)[:5000]})


def publish_expected(whole: Expected, batches: Sequence[Expected]) -> None:
    """Log how many expectations are not met to the active run, and the pages of Data Docs that say which."""
    log_estimates(whole.measures | of_all(batches))
    for one in (whole, *batches):
        for outcome in one.outcomes:
            page = Path(url2pathname(urlparse(outcome.page).path))
            if page.exists():  # Data Docs may have been tidied away
                mlflow.log_artifact(str(page), f"data_docs/{one.batch}")
