"""A detector that was shown how people rated user turns. Knows how to read turns with it, not how it was made.

The log-odds that a turn is dissatisfied are a linear function of what its phrases and situation show and of its vector
from a frozen sentence encoder; a finding is how far they are from those of a turn in the middle.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import polars as pl

from components.feedback.signals import rubrics
from components.feedback.signals.features import features
from components.feedback.signals.findings import FINDING
from components.records.errors import BadInput
from components.workspace import Workspace
from components.workspace.files import place, place_text

if TYPE_CHECKING:
    from components.encoder import Encoder

CARD = "detector.json"
BOUND = 6.0
"""Deviations beyond which a number counts no more: files differ, and an odd one must not outweigh all else."""
LAYOUT = 1
"""Which numbers of `features` the weights are for; a detector of other ones is of no use."""


@dataclass(frozen=True)
class Head:
    """The linear function.

    Attributes:
        mean, deviation: of the features over the training turns, shape (width,).
        weights: shape (width,), for features in deviations from the mean.
        middle: what the weights come to for the median of the training turns.
    """

    mean: np.ndarray
    deviation: np.ndarray
    weights: np.ndarray
    middle: float

    def log_odds(self, numbers: np.ndarray) -> np.ndarray:
        """How much likelier each turn is dissatisfied than one in the middle; shape (n, width) to (n,)."""
        return self.standard(numbers) @ self.weights - self.middle

    def standard(self, numbers: np.ndarray) -> np.ndarray:
        """Features in deviations from the mean."""
        return np.clip((numbers - self.mean) / self.deviation, -BOUND, BOUND)


@dataclass(frozen=True)
class Trained:
    """What is known of a detector.

    Attributes:
        name: "learned/" and a fingerprint of its weights.
        files: the files it was trained on.
        turns, dissatisfied: how many rated turns there were, and how many of them rated low.
        auc: area under the ROC curve for turns of conversations it was not shown.
        weights: what each detector should have to say where it speaks beside others.
    """

    name: str
    files: list[str]
    turns: int
    dissatisfied: int
    auc: float
    weights: dict[str, float]
    layout: int = LAYOUT


class Learned:
    """One finding for each reaction that is words, below or above the turn in the middle.

    Raises:
        BadInput: nothing has been learned in this workspace, or by a version that saw turns otherwise.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.card, self.head = load(workspace.detector)
        self.name = self.card.name

    @cached_property
    def encoder(self) -> "Encoder":
        from components.encoder import Encoder  # takes seconds to load, and who does not appoint it need not wait

        return Encoder("", self.workspace.features)

    def find(self, reactions: pl.DataFrame) -> pl.DataFrame:
        """See `Detector.find`; rubric and evidence are those that the phrases show, where they point the same way."""
        turns = rubrics.turns_of(reactions)
        if turns.is_empty():
            return pl.DataFrame(schema=FINDING)
        read = rubrics.findings(turns)
        polarity = pl.when(pl.col("net") > 0).then(pl.lit("dissatisfied")).otherwise(pl.lit("satisfied"))
        odds = pl.Series("net", self.head.log_odds(features(self.encoder, turns)), dtype=pl.Float64)
        return (
            turns.select("row", "text", odds.round(6))
            .filter(pl.col("net") != 0)
            .with_columns(polarity=polarity)
            .join(read, on=["row", "polarity"], how="left", maintain_order="left", suffix="_read")
            .select(
                "row",
                "polarity",
                rubric=pl.col("rubric").fill_null("learned"),
                strength=(pl.col("net").abs() / 2).tanh(),
                evidence=pl.coalesce("evidence", pl.col("text").str.strip_chars().str.head(rubrics.EVIDENCE)),
            )
        )


def save(folder: Path, card: Trained, head: Head) -> None:
    """Put a detector in a folder, in place of the one that is there.

    The card names its file of weights and is placed last, so that it is there whole or not at all.
    """
    weights = folder / _weights_file(card.name)

    def write(aside: Path) -> None:
        with aside.open("wb") as file:
            np.savez(file, **asdict(head))

    place(weights, write)
    place_text(folder / CARD, json.dumps(asdict(card), indent=2, ensure_ascii=False) + "\n")
    for other in folder.glob("*.npz"):
        if other != weights:
            other.unlink(missing_ok=True)


def load(folder: Path) -> tuple[Trained, Head]:
    """The detector of a folder.

    Raises:
        BadInput: there is none, or none that can be used.
    """
    train = "Run `heed signals train FILE…` with files of rated turns."
    if not (folder / CARD).is_file():
        raise BadInput("the detector learned has not been trained here", folder, train)
    try:
        card = Trained(**json.loads((folder / CARD).read_text(encoding="utf-8")))
        with np.load(folder / _weights_file(card.name)) as kept:
            head = Head(kept["mean"], kept["deviation"], kept["weights"], float(kept["middle"]))
    except (OSError, EOFError, ValueError, TypeError, KeyError, BadZipFile) as error:
        raise BadInput(f"the detector that was trained is damaged: {error}", folder, train) from None
    if card.layout != LAYOUT:
        raise BadInput("the detector was trained by another version of heed", folder, train)
    return card, head


def named(head: Head) -> str:
    """The name of a detector with these weights."""
    parts = (head.mean, head.deviation, head.weights, np.float64(head.middle))
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))
    return f"learned/{digest.hexdigest()[:12]}"


def _weights_file(name: str) -> str:
    return f"{name.split('/')[1]}.npz"
