"""What feedback says. A detector is one file with a class, and one line here; it knows nothing of pairs."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Protocol

import polars as pl

from components.feedback.signals.explicit import Explicit
from components.feedback.signals.findings import FINDING
from components.feedback.signals.learned import Learned
from components.feedback.signals.likelihood import Likelihood
from components.feedback.signals.llm import Llm
from components.feedback.signals.reactions import reactions_to
from components.feedback.signals.rubrics import Rubrics
from components.records.errors import BadInput
from components.records.schemas import Signal, as_records, dtypes, empty
from components.workspace import Workspace

HARMS = (
    "spam",
    "lang_mismatch",
    "pii",
    "not_appropriate",
    "hate_speech",
    "sexual_content",
    "toxicity",
    "violence",
    "political_content",
    "safety",
)
"""Aspects, as data sets name them, in which the best mark only says that nothing is wrong."""


class Detector(Protocol):
    """Reads reactions.

    Attributes:
        name: who it is and which version, as "explicit/1"; a change in what it says changes the name.
    """

    name: str

    def find(self, reactions: pl.DataFrame) -> pl.DataFrame:
        """Say what reactions mean.

        Args:
            reactions: columns of `REACTION`, shape (n,).

        Returns:
            Columns of `FINDING` in the order of `row`: none, one or several a reaction.
        """
        ...


DETECTORS: dict[str, Callable[[Workspace], Detector]] = {
    "explicit": Explicit,
    "learned": Learned,
    "likelihood": Likelihood,
    "llm": Llm,
    "rubrics": Rubrics,
}


def appoint(names: Sequence[str], workspace: Workspace) -> list[Detector]:
    """The detectors of these names.

    Raises:
        BadInput: there is no such detector, or what it needs is not there.
    """
    for name in names:
        if name not in DETECTORS:
            near = get_close_matches(name, DETECTORS, n=1)
            fix = f"Did you mean {near[0]}?" if near else f"The detectors are {', '.join(DETECTORS)}."
            raise BadInput(f"unknown detector {name!r}", "signals.detectors", fix)
    return [DETECTORS[name](workspace) for name in names]


def detect(feedback: pl.DataFrame, interactions: pl.DataFrame, detectors: Sequence[Detector]) -> pl.DataFrame:
    """Every signal that any of the detectors finds in feedback.

    Args:
        feedback: records of `Feedback`.
        interactions: records of `Interaction`; feedback about one that is not among them is read without its context.

    Returns:
        Records of `Signal`.
    """
    # An answer that is no spam and hurts nobody need not be a good one.
    harmless = pl.col("aspect").is_in(HARMS) & (pl.col("score") > 0)
    feedback = feedback.filter(~harmless.fill_null(False))
    reactions = reactions_to(feedback, interactions)
    told = feedback.select(pl.col("id").alias("feedback"), "interaction").with_row_index("row")
    found = [
        detector.find(reactions)
        .join(told, on="row", maintain_order="left")
        .select(*dtypes(Signal).keys() - {"id", "detector"}, detector=pl.lit(detector.name))
        for detector in detectors
    ]
    return pl.concat([empty(Signal), *(as_records(signals, Signal) for signals in found)]).unique(
        "id", keep="first", maintain_order=True
    )


__all__ = ["DETECTORS", "FINDING", "Detector", "appoint", "detect"]
