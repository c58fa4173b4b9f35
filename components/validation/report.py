"""One page for the person who decides whether data may train a model: self-contained HTML. Finds nothing itself."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from components.pages import filled
from components.records.handles import DataVerdict
from components.records.messages import text_of
from components.validation.finding import Finding

TEMPLATE = Path(__file__).with_name("report.html")
EXAMPLES = 5
EXCERPT = 300  # characters of a text


@dataclass(frozen=True)
class Subject:
    """What the report is about.

    Attributes:
        dataset: content hash of the version.
        batch: the name of its newest batch; empty where it has none.
        counts: kind of record, how many there are, how many of them are newer than the last accepted version.
        beside: what else a person should know, a sentence each.
    """

    dataset: str
    batch: str
    counts: tuple[tuple[str, int, int], ...]
    beside: tuple[str, ...] = ()


def page(
    subject: Subject,
    verdict: DataVerdict,
    findings: dict[str, Finding],
    pictures: dict[str, str],
    preferences: pl.DataFrame,
) -> str:
    """The report, as HTML that needs nothing else.

    Args:
        subject: what it is about.
        verdict: what the data gate says.
        findings: name of an audit to what it found.
        pictures: name of an audit to its figure, as SVG.
        preferences: records of `Preference`, those the findings suspect among them.
    """
    return filled(
        TEMPLATE,
        dataset=subject.dataset,
        batch=subject.batch,
        number=int(subject.batch.split("-")[0]) if subject.batch else 0,
        counts=subject.counts,
        beside=subject.beside,
        verdict=verdict,
        findings=findings,
        pictures={name: base64.b64encode(picture.encode()).decode() for name, picture in pictures.items()},
        examples={name: _examples(finding, preferences) for name, finding in findings.items()},
        at=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
    )


def _examples(finding: Finding, preferences: pl.DataFrame) -> list[dict[str, Any]]:
    some = finding.suspects.head(EXAMPLES)
    texts = (text_of(pl.col(name)).str.head(EXCERPT).alias(name) for name in ("prompt", "chosen", "rejected"))
    return some.join(preferences.select("id", *texts), on="id", maintain_order="left").to_dicts()
