"""A challenger on its way into service: a share of the users gets it, a larger one at each step, until all do.

Before that it may be a shadow, which answers what users ask and nobody sees: a step at which no user gets it.
Knows nothing of what they make of it. Who is to have it stands in the registry, where the capture service finds it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from components import journal
from components.records.handles import ModelVersion
from components.registry import history
from components.registry.models import CHAMPION, POLICY, at_alias, name_of, tag
from components.registry.promotion import promote
from components.registry.settling import settle
from components.tracking import client
from components.workspace import Workspace

CANARY = "canary"
STATE = "heed.canary"


class Canary(BaseModel):
    """A version that is tried.

    Attributes:
        model: the version.
        champion: number of the version that everybody else gets.
        shares: of the users who get it, one a step; none of them at that of a shadow.
        step: the one it is at, from 0.
        since: when the step began, ISO 8601 in UTC.
        heard: position of the last event that the capture service had kept by then.
        scorecard: the MLflow run of the scorecard it was let in by.
        shadowed: of the users whose questions it answers unseen in its first step; 0 where it begins with users.
    """

    model_config = ConfigDict(frozen=True)

    model: ModelVersion
    champion: int
    shares: tuple[float, ...]
    step: int
    since: str
    heard: int
    scorecard: str
    shadowed: float = 0.0

    @property
    def is_shadow(self) -> bool:
        """Whether nobody sees its answers yet."""
        return self.shadowed > 0 and self.step == 0

    @property
    def share(self) -> float:
        """Of the users, who get it now."""
        return self.shares[self.step]

    @property
    def is_at_its_last_step(self) -> bool:
        """Whether everybody gets it next."""
        return self.step == len(self.shares) - 1

    def in_words(self) -> str:
        """What is tried on whom, for a person."""
        whom = f"{self.shadowed:.0%} of the users unseen" if self.is_shadow else f"{self.share:.0%} of the users"
        step = f"step {self.step + 1} of {len(self.shares)}, since {self.since}"
        return f"{POLICY} version {self.model.version} answers {whom} ({step})"


def running(workspace: Workspace) -> Canary | None:
    """What is tried now; None where nothing is, or where a kill came between its promotion and its end here."""
    model = at_alias(workspace, POLICY, CANARY)
    state = tag(workspace, model, STATE) if model else None
    if not state or model == at_alias(workspace, POLICY, CHAMPION):
        return None
    return Canary.model_validate_json(state)


def begin(
    workspace: Workspace,
    model: ModelVersion,
    champion: ModelVersion,
    shares: Sequence[float],
    heard: int,
    by: str,
    because: str,
    scorecard: str,
    shadowed: float = 0.0,
) -> None:
    """Let the first of the users get a version, or a shadow answer unseen; nothing where they do already.

    Args:
        model: the version.
        champion: that everybody else gets.
        shares: of the users, one a step, each larger than the one before.
        heard: position of the last event that the capture service has kept.
        by: who says so.
        because: why.
        scorecard: the MLflow run of the scorecard that it was decided by.
        shadowed: share of the users whose questions it answers unseen before that; 0 for no such step.
    """
    before = running(workspace)
    if before and before.model == model:
        return
    _keep(
        workspace,
        Canary(
            model=model,
            champion=champion.version,
            shares=(0.0, *shares) if shadowed else tuple(shares),
            step=0,
            since=_now(),
            heard=heard,
            scorecard=scorecard,
            shadowed=shadowed,
        ),
        by,
        because,
    )
    # Last, because from then on it answers.
    client(workspace).set_registered_model_alias(model.name, CANARY, str(model.version))


def go_on(workspace: Workspace, canary: Canary, heard: int, because: str) -> Canary | None:
    """Let more of the users get it, or everybody after the last step; None where that made it the champion.

    Whoever holds `promotion.deciding` calls.
    """
    if canary.is_at_its_last_step:
        promote(workspace, canary.model, because, history.GATE, canary.scorecard)
        _end(workspace, canary.model, "promote", f"pass: as a {'shadow' if canary.is_shadow else 'canary'}, {because}")
        return None
    further = canary.model_copy(update={"step": canary.step + 1, "since": _now(), "heard": heard})
    _keep(workspace, further, history.GATE, because)
    return further


def withdraw(workspace: Workspace, canary: Canary, by: str, because: str) -> None:
    """Give its users back to the champion.

    Whoever holds `promotion.deciding` calls.

    Args:
        by: who says so.
        because: why.
    """
    history.note(workspace, "withdraw", canary.model, None, because, by, canary.scorecard)
    said = because if by == history.GATE else f"{by} took it back while it was tried: {because}"
    _end(workspace, canary.model, "refuse", f"refuse: {said.removeprefix('refuse: ')}")
    journal.tell("promotion", "withdraw", model=name_of(canary.model), share=canary.share)


def complete(workspace: Workspace, because: str = "users liked it no less while it was tried") -> None:
    """End the trial of a version that is the champion by now: it was promoted by hand, or a kill cut the end off.

    Whoever holds `promotion.deciding` calls.
    """
    model = at_alias(workspace, POLICY, CANARY)
    if model and model == at_alias(workspace, POLICY, CHAMPION):
        _end(workspace, model, "promote", f"pass: {because}")


def _end(workspace: Workspace, model: ModelVersion, outcome: Literal["promote", "refuse"], said: str) -> None:
    settle(workspace, model, outcome, said)
    # Last, because who goes on after a kill has to find that it was tried.
    client(workspace).delete_registered_model_alias(POLICY, CANARY)


def _keep(workspace: Workspace, canary: Canary, by: str, because: str) -> None:
    said = f"{_whom(canary)}: {because}"
    history.note(workspace, "try", canary.model, None, said, by, canary.scorecard)
    model = canary.model
    client(workspace).set_model_version_tag(model.name, str(model.version), STATE, canary.model_dump_json())
    journal.tell("promotion", "try", model=name_of(model), share=canary.share)


def _whom(canary: Canary) -> str:
    if canary.is_shadow:
        return f"it answers {canary.shadowed:.0%} of the users, unseen by them"
    return f"{canary.share:.0%} of the users get it"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
