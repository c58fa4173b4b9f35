"""What a person says of a challenger that the gate would promote, where the settings ask for it."""

import getpass

from components.records.errors import BadInput
from components.records.handles import Decision, ModelVersion
from components.registry import canary
from components.registry.canary import Canary
from components.registry.card import card_with
from components.registry.decisions import conclude, decision_of, scorecard_of
from components.registry.models import CHAMPION, at_alias
from components.registry.promotion import promote
from components.workspace import Workspace


def promote_by_hand(workspace: Workspace, model: ModelVersion, because: str) -> None:
    """Make a version the champion for everybody, whatever the gate says: nobody is asked about it or tries it any more.

    What was tried beside the champion there was is tried no longer.
    """
    on_trial = canary.running(workspace)
    promote(workspace, model, because)
    decision = decision_of(workspace, model)
    if decision and decision.outcome in ("ask", "try"):
        said = f"pass: {getpass.getuser()} promoted it by hand: {because}"
        conclude(workspace, model, "promote", said, card_with(workspace))
    if on_trial and on_trial.model != model:
        take_back(workspace, on_trial, f"version {model.version} was promoted by hand")
    elif on_trial:
        canary.end(workspace)


def take_back(workspace: Workspace, on_trial: Canary, because: str) -> None:
    """Give the users of a canary back to the champion, because the person at the keyboard says so."""
    canary.withdraw(workspace, on_trial, None, because)
    said = f"refuse: {getpass.getuser()} took it back while it was tried: {because}"
    conclude(workspace, on_trial.model, "refuse", said, card_with(workspace))


def answer(workspace: Workspace, model: ModelVersion, agreed: bool, by: str, because: str, heard: int = 0) -> Decision:
    """What a person says of a version that waits for it: it goes into service, by steps if there are any, or stays out.

    Whoever holds `promotion.deciding` calls; said twice it is the same.

    Args:
        by: who says so.
        because: why.
        heard: position of the last event that the capture service has kept.

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
    said = f"{'pass' if agreed else 'refuse'}: {by} {'agreed' if agreed else 'did not agree'}: {because}"
    shares = workspace.settings.promotion.canary
    if agreed and shares:
        canary.begin(workspace, model, card.champion, shares, heard, by, because, card.run_id)
        return conclude(workspace, model, "try", said, card_with(workspace))
    if agreed:
        promote(workspace, model, because, by, card.run_id)
    return conclude(workspace, model, "promote" if agreed else "refuse", said, card_with(workspace))
