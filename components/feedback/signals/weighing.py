"""How much each detector has to say where several speak of one turn: given in the settings, or learned from ratings."""

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from components.feedback.signals.learned import load
from components.workspace import Workspace


def weights_of(workspace: Workspace, detectors: Sequence[str]) -> dict[str, float]:
    """The weights of detectors: those the settings give; else, where the learned one is among them, those it learned.

    Args:
        workspace: whose settings and learned detector are asked.
        detectors: the names of those who speak; one that is in no answer has the weight 1.

    Raises:
        BadInput: the learned one is among them and has not been trained.
    """
    given = workspace.settings.signals.weights
    if given or "learned" not in detectors:
        return given
    return load(workspace.detector)[0].weights


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
