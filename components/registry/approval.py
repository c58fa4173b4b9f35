"""What a person says of a challenger that the gate would promote, where the settings ask for it."""

import getpass

from components.records.errors import BadInput
from components.records.handles import Decision, ModelVersion
from components.registry import retrainings
from components.registry.card import model_card, template_of
from components.registry.models import CHAMPION, at_alias
from components.registry.promotion import decision_of, promote, record, scorecard_of, tag
from components.workspace import Workspace


def promote_by_hand(workspace: Workspace, model: ModelVersion, because: str) -> None:
    """Make a version the champion, whatever the gate says; one that waits for somebody to agree waits no longer."""
    promote(workspace, model, because)
    decision = decision_of(workspace, model)
    if decision and decision.outcome == "ask":
        answer(workspace, model, True, getpass.getuser(), because)


def answer(workspace: Workspace, model: ModelVersion, agreed: bool, by: str, because: str) -> Decision:
    """What a person says of a version that waits for it: it goes into service, or stays out.

    Whoever holds `promotion.deciding` calls; said twice it is the same.

    Args:
        by: who says so.
        because: why.

    Raises:
        BadInput: nobody was asked about this version, or it was compared with another champion than there is now.
    """
    card, decision = scorecard_of(workspace, model), decision_of(workspace, model)
    if not card or not decision:
        raise BadInput(f"nobody was asked about version {model.version}", "the registry", "See `heed status`.")
    if decision.outcome != "ask":
        return decision
    now = at_alias(workspace, model.name, CHAMPION)
    if agreed and now not in (card.champion, model):
        serves = f"{now.version} serves now" if now else "none serves now"
        what = f"version {model.version} was compared with {card.champion.version}, and {serves}"
        raise BadInput(what, "the registry", "`heed promote` puts it into service all the same.")
    if agreed:
        promote(workspace, model, because, by, card.run_id)
    said = f"{'pass' if agreed else 'refuse'}: {by} {'agreed' if agreed else 'did not agree'}: {because}"
    answered = Decision(outcome="promote" if agreed else "refuse", reasons=(*decision.reasons[:-1], said))
    inputs = tag(workspace, model, "heed.inputs") or ""
    retrainings.answered(workspace, inputs, answered, card)
    record(workspace, card, answered, inputs, model_card(card, answered, template_of(workspace)))
    return answered
