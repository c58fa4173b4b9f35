"""Every time a version came into service or left it: who, when, why, by which scorecard. Kept with it in MLflow."""

import getpass
import uuid
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.records.handles import ModelVersion
from components.registry.models import POLICY
from components.tracking import client
from components.workspace import Workspace

KEY = "heed.move."
GATE, FIRST = "the gate", "heed"
"""Who moves it where no person does: the gate, and whoever trains the first model."""

What = Literal["promote", "roll back", "try", "withdraw"]


class Move(BaseModel):
    """One change: of the champion's hands, or of a canary's share of the users.

    Attributes:
        at: when, ISO 8601 in UTC.
        by: a person's name on the machine it was done at, `GATE` or `FIRST`.
        what: what was done.
        version: that has the place from then on, or is tried, or was.
        before: the version that had it; None where none had, or a version is only tried.
        because: why.
        scorecard: the MLflow run of the scorecard it was decided by; None where it was moved by hand.
    """

    model_config = ConfigDict(frozen=True)

    at: str
    by: str
    what: What
    version: int
    before: int | None
    because: str
    scorecard: str | None

    def in_words(self) -> str:
        """As a line."""
        after = f" after {self.before}" if self.before else ""
        scorecard = f" (scorecard: run {self.scorecard})" if self.scorecard else ""
        return f"{self.at}  {self.what} version {self.version}{after}, by {self.by}: {self.because}{scorecard}"


def note(
    workspace: Workspace,
    what: What,
    model: ModelVersion,
    before: ModelVersion | None,
    because: str,
    by: str | None,
    scorecard: str | None = None,
) -> None:
    """Write a move down; one that a kill cut off and that is made again is one.

    Args:
        by: who; None for the person at the keyboard.
        scorecard: the MLflow run of the scorecard.
    """
    move = Move(
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        by=by or getpass.getuser(),
        what=what,
        version=model.version,
        before=before.version if before else None,
        because=because,
        scorecard=scorecard,
    )
    if (known := moves(workspace)) and known[-1].model_copy(update={"at": move.at}) == move:
        return
    client(workspace).set_registered_model_tag(POLICY, f"{KEY}{uuid.uuid4().hex}", move.model_dump_json())


def moves(workspace: Workspace) -> list[Move]:
    """All of them, the first one first."""
    models = client(workspace).search_registered_models(f"name = '{POLICY}'")
    kept = [value for model in models for key, value in model.tags.items() if key.startswith(KEY)]
    return sorted(map(Move.model_validate_json, kept), key=lambda move: move.at)
