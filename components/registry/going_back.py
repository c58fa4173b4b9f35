"""The way back: of a canary's users to the champion, else of the champion's place to the version it succeeded."""

import getpass
from dataclasses import dataclass

from components.registry import canary
from components.registry.models import POLICY
from components.registry.promotion import deciding, rollback
from components.workspace import Workspace


@dataclass(frozen=True)
class Back:
    """What going back came to.

    Attributes:
        champion: number of the version that answers everybody now.
        before: number of the version that was the champion, or that was tried.
        was_tried: which of the two.
    """

    champion: int
    before: int
    was_tried: bool

    def in_words(self) -> str:
        """For a person."""
        if self.was_tried:
            return f"Version {self.before} is tried no longer: version {self.champion} answers everybody."
        return f"{POLICY} version {self.champion} is the champion again, in place of version {self.before}."


def go_back(workspace: Workspace, because: str, by: str | None = None) -> Back:
    """Go back one step.

    Args:
        because: why, for whoever asks later.
        by: who says so; None for the person at the keyboard.

    Raises:
        BadInput: there is no champion, or it is the first one, and nothing is tried.
    """
    by = by or getpass.getuser()
    with deciding(workspace):
        if on_trial := canary.running(workspace):
            canary.withdraw(workspace, on_trial, by, because)
            return Back(on_trial.champion, on_trial.model.version, was_tried=True)
        before, now = rollback(workspace, because, by)
        return Back(now.version, before.version, was_tried=False)
