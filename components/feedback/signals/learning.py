"""Makes the learned detector from turns that people rated. Knows nothing of files or formats.

A regularised logistic regression of "rated low" on the features of a turn; its penalty is the one that ranks best
the turns of conversations it was not shown.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from components import progress
from components.encoder import Encoder
from components.feedback.readers import Reading
from components.feedback.signals import rubrics
from components.feedback.signals.combining import log_odds
from components.feedback.signals.features import READ, features
from components.feedback.signals.learned import Head, Trained, named, save
from components.feedback.signals.reactions import reactions_to
from components.records.errors import BadInput
from components.workspace import Workspace

LOW = -0.125
"""A turn whose ratings are below this in the mean is dissatisfied: 2.75 on a scale from 1 to 5."""
LEAST = 20
"""Turns of either kind without which a test on unseen ones means nothing."""
PENALTIES = (0.03, 0.1, 0.3)
"""Inverse strengths, for blocks of features that are of unit size together."""
MOST = 50_000
"""Turns that are learned from; more would take hours to read and tell little more."""
FOLDS = 3
STEPS = 300
"""Iterations in which a fit has long converged."""


def train(workspace: Workspace, reading: Reading) -> Trained:
    """Learn from rated turns, and keep what was learned in the workspace.

    Args:
        workspace: where the detector goes.
        reading: what files hold; a turn is a followup whose answer has ratings or thumbs.

    Returns:
        What is known of the detector.

    Raises:
        BadInput: there are too few rated turns, or they are all rated alike.
    """
    rated = rated_turns(reading)
    low = rated["low"].to_numpy()
    _refuse_too_few(rated, list(reading.formats))
    turns = rubrics.turns_of(rated)
    numbers = features(Encoder("", workspace.features), turns)
    groups = rated["conversation"].to_numpy()
    penalty, unseen = _validated(numbers, low, groups)
    head = fit(numbers, low, penalty)
    card = Trained(
        name=named(head),
        files=[path.name for path in reading.formats],
        turns=len(low),
        dissatisfied=int(low.sum()),
        auc=round(float(roc_auc_score(low, unseen)), 4),
        weights=learned_weights({"rubrics": _said_by_rubrics(turns), "learned": unseen}, low),
    )
    save(workspace.detector, card, head)
    return card


def rated_turns(reading: Reading) -> pl.DataFrame:
    """The user turns that people rated.

    Returns:
        Columns of `REACTION` beside `low` (whether the mean of a turn's ratings is below LOW) and `conversation` (the
        same for turns of one); the turns of a part of the conversations where there are more than MOST.
    """
    feedback, interactions = reading.frames["feedback"], reading.frames["interactions"]
    rated = feedback.filter(
        pl.col("kind").is_in(("rating", "thumb")) & pl.col("aspect").is_null() & pl.col("score").is_not_null()
    )
    rated = rated.group_by("interaction").agg(low=pl.col("score").mean() < LOW)
    opening = pl.col("prompt").list.first().struct.field("content").hash()
    about = rated.join(interactions.select(interaction="id", conversation=opening), on="interaction")
    words = feedback.filter(pl.col("text").str.strip_chars() != "", kind="followup")
    heard = words.join(about, on="interaction", maintain_order="left")
    turns = reactions_to(heard, interactions).with_columns(heard["low"], heard["conversation"])
    share = max(1, -(-turns.height // MOST))
    return turns.filter(pl.col("conversation") % share == 0)


def _refuse_too_few(rated: pl.DataFrame, files: Sequence[Path]) -> None:
    where = ", ".join(path.name for path in files)
    for rating, kind in (("low", rated.filter("low")), ("well", rated.filter(~pl.col("low")))):
        talks = kind["conversation"].n_unique()
        if len(kind) < LEAST or talks < FOLDS:
            raise BadInput(
                f"{len(kind)} user turns, in {talks} conversations, are rated {rating}: too few to learn from",
                where,
                f"Name files with at least {LEAST} of them, and as many of the others: followups to answers that have "
                "ratings or thumbs.",
            )


def fit(numbers: np.ndarray, low: np.ndarray, penalty: float) -> Head:
    """Learn which turns are rated low.

    Args:
        numbers: what `features` gives, shape (n, width).
        low: whether each turn is rated low, shape (n,).
        penalty: the inverse strength of the regularisation.
    """
    mean, spread = numbers.mean(axis=0), numbers.std(axis=0)
    # A number that hardly moves must not be blown up to the size of the others.
    least = np.full(len(mean), 1e-3)
    least[READ:] *= numbers[:, READ:].std()
    head = Head(mean, np.maximum(spread, least), np.zeros(len(mean), np.float32), 0.0)
    # What is read and the vector count alike, however many numbers either has.
    sizes = np.sqrt(np.where(np.arange(len(mean)) < READ, READ, len(mean) - READ)).astype(np.float32)
    model = LogisticRegression(C=penalty, max_iter=STEPS).fit(head.standard(numbers) / sizes, low)
    weights = (model.coef_[0] / sizes).astype(np.float32)
    return Head(mean, head.deviation, weights, float(np.median(head.standard(numbers) @ weights)))


def _validated(numbers: np.ndarray, low: np.ndarray, groups: np.ndarray) -> tuple[float, np.ndarray]:
    """The penalty that ranks the turns of unseen conversations best, and what it tells of them, shape (n,)."""
    folds = list(StratifiedGroupKFold(FOLDS).split(numbers, low, groups))
    told: dict[float, np.ndarray] = {}
    with progress.step("Learn from the ratings", len(PENALTIES)) as advance:
        for done, penalty in enumerate(PENALTIES, start=1):
            told[penalty] = np.zeros(len(low))
            for seen, unseen in folds:
                told[penalty][unseen] = fit(numbers[seen], low[seen], penalty).log_odds(numbers[unseen])
            advance(done)
    best = max(PENALTIES, key=lambda penalty: roc_auc_score(low, told[penalty]))
    return best, told[best]


def _said_by_rubrics(turns: pl.DataFrame) -> np.ndarray:
    said = rubrics.findings(turns).select("row", tells=log_odds())
    return (
        turns.select("row").join(said, on="row", how="left", maintain_order="left")["tells"].fill_null(0.0).to_numpy()
    )


def learned_weights(said: Mapping[str, np.ndarray], low: np.ndarray) -> dict[str, float]:
    """Weights with which what detectors say together tells best which turns are rated low.

    Args:
        said: detector to its log-odds that each turn is dissatisfied, 0 where it says nothing, shape (n,).
        low: whether each turn is rated low, shape (n,).

    Returns:
        Detector to weight, none below 0.
    """
    columns = np.column_stack(list(said.values()))
    model = LogisticRegression().fit(columns, low)
    return {name: round(max(0.0, float(weight)), 4) for name, weight in zip(said, model.coef_[0], strict=True)}
