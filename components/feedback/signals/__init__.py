"""What feedback says. A detector is one file with `detect`, and one line here; it knows nothing of pairs."""

from collections.abc import Callable

import polars as pl

from components.feedback.signals import explicit

Detector = Callable[[pl.DataFrame], pl.DataFrame]
"""Takes records of `Feedback`, gives records of `Signal`."""

DETECTORS: dict[str, Detector] = {
    "explicit": explicit.detect,
}


def detect(feedback: pl.DataFrame) -> pl.DataFrame:
    """Every signal that any detector finds in the feedback."""
    return pl.concat([detector(feedback) for detector in DETECTORS.values()])
