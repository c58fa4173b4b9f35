"""How much each detector has to say where several speak of one turn: given in the settings, or learned."""

from collections.abc import Sequence

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
