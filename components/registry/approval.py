"""What a person says of a challenger that the gate would promote, where the settings ask for it."""

import getpass
from typing import Literal

from components.notifying import Outcome, notify
from components.records.errors import BadInput
from components.records.handles import Decision, ModelVersion, Scorecard
from components.registry import retrainings
from components.registry.card import model_card, template_of
from components.registry.decisions import decision_of, record, scorecard_of
from components.registry.models import CHAMPION, POLICY, at_alias, tag, versions
from components.registry.promotion import deciding, promote
from components.workspace import Workspace


def promote_by_hand(workspace: Workspace, model: ModelVersion, because: str) -> None:
    """Make a version the champion, whatever the gate says; one that waits for somebody to agree waits no longer."""
    by = getpass.getuser()
    with deciding(workspace):
        promote(workspace, model, because)
        card, decision = scorecard_of(workspace, model), decision_of(workspace, model)
        if not card or not decision or decision.outcome != "ask":
            return
        _settle(workspace, card, decision, "promote", _said(True, by, because))
    _tell(workspace, card, True, by, because)


def answer(workspace: Workspace, model: ModelVersion, agreed: bool, by: str, because: str) -> Decision:
    """What a person says of a version that waits for it: it goes into service, or stays out.

    Those who wait for the retraining are told, and its run says so from then on. Said twice it is the same.

    Args:
        by: who says so.
        because: why.

    Raises:
        BadInput: nobody was asked about this version, or is any more, or it was compared with another champion than
            there is now.
    """
    with deciding(workspace):
        card, decision = scorecard_of(workspace, model), decision_of(workspace, model)
        if not card or not decision:
            raise BadInput(f"nobody was asked about version {model.version}", "the registry", "See `heed status`.")
        if decision.outcome == "hold":
            held = [reason.removeprefix("hold: ") for reason in decision.reasons if reason.startswith("hold: ")]
            raise _too_late(model, f"waits for no answer: {'; '.join(held)}")
        if decision.outcome != "ask":
            return decision
        if agreed:
            now = at_alias(workspace, model.name, CHAMPION)
            if now not in (card.champion, model):
                serves = f"{now.version} serves now" if now else "none serves now"
                raise _too_late(model, f"was compared with {card.champion.version}, and {serves}")
            promote(workspace, model, because, by, card.run_id)
        answered = _settle(workspace, card, decision, "promote" if agreed else "refuse", _said(agreed, by, because))
    _tell(workspace, card, agreed, by, because)
    return answered


def withdraw(workspace: Workspace, challenger: ModelVersion) -> None:
    """Hold every version that waits for an answer and is the challenger no more.

    Whoever holds `promotion.deciding` calls.
    """
    for model in versions(workspace, POLICY):
        card, decision = scorecard_of(workspace, model), decision_of(workspace, model)
        if model != challenger and card and decision and decision.outcome == "ask":
            said = f"hold: nobody had answered when version {challenger.version} became the challenger"
            _settle(workspace, card, decision, "hold", said)


def _too_late(model: ModelVersion, why: str) -> BadInput:
    by_hand = f"`heed promote {model.version}` puts it into service all the same."
    return BadInput(f"version {model.version} {why}", "the registry", by_hand)


def _said(agreed: bool, by: str, because: str) -> str:
    return f"{'pass' if agreed else 'refuse'}: {by} {'agreed' if agreed else 'did not agree'}: {because}"


def _settle(
    workspace: Workspace,
    card: Scorecard,
    decision: Decision,
    outcome: Literal["promote", "hold", "refuse"],
    said: str,
) -> Decision:
    """Write down, with the version and in the run of its retraining, what came of a question.

    Args:
        decision: that asks; the question is its last reason.
        said: a reason in place of the question.
    """
    settled = Decision(outcome=outcome, reasons=(*decision.reasons[:-1], said))
    inputs = tag(workspace, card.challenger, "heed.inputs") or ""
    retrainings.answered(workspace, inputs, settled, card)
    # Last, because from then on nobody is asked any more.
    record(workspace, card, settled, inputs, model_card(card, settled, template_of(workspace)))
    return settled


def _tell(workspace: Workspace, card: Scorecard, agreed: bool, by: str, because: str) -> None:
    outcome: Outcome = "promoted" if agreed else "refused"
    version = card.challenger.version
    facts = {"outcome": outcome, "dataset": card.dataset, "challenger": version, "champion": card.champion.version}
    said = _said(agreed, by, because).partition(": ")[2]
    notify(workspace, outcome, f"Version {version}: {said}", facts | {"by": by})
