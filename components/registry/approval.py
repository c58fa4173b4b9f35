"""What a person says of a challenger that the gate would promote, where the settings ask for it."""

import getpass

from components.notifying import Outcome, notify
from components.records.errors import BadInput
from components.records.handles import Decision, ModelVersion
from components.registry import canary
from components.registry.decisions import DECISION, decision_of, scorecard_of
from components.registry.models import CHAMPION, POLICY, at_alias, with_tag
from components.registry.promotion import deciding, promote
from components.registry.settling import settle
from components.workspace import Workspace


def promote_by_hand(workspace: Workspace, model: ModelVersion, because: str) -> None:
    """Make a version the champion for everybody, whatever the gate says.

    Nobody is asked about it or tries it any more, and what was tried beside the champion before is taken back.
    """
    by = getpass.getuser()
    with deciding(workspace):
        on_trial = canary.running(workspace)
        promote(workspace, model, because)
        if on_trial and on_trial.model != model:
            canary.withdraw(workspace, on_trial, by, f"version {model.version} was promoted by hand")
        decision = decision_of(workspace, model)
        if not decision or decision.outcome not in ("ask", "try"):
            return
        said = _said(True, by, because)
        if decision.outcome == "try":
            canary.complete(workspace, said.removeprefix("pass: "))
        else:
            settle(workspace, model, "promote", said)
    _tell(workspace, model, "promoted", by, said)


def answer(workspace: Workspace, model: ModelVersion, agreed: bool, by: str, because: str, heard: int = 0) -> Decision:
    """What a person says of a version that waits for it: it goes into service, by steps if there are any, or stays out.

    Those who wait for the retraining are told, and its run says so from then on. Said twice it is the same.

    Args:
        by: who says so.
        because: why.
        heard: position of the last event that the capture service has kept, where it goes by steps.

    Raises:
        BadInput: nobody was asked about this version, or is any more, or it was compared with another champion than
            there is now, or another version is tried.
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
        steps, said = workspace.settings.promotion, _said(agreed, by, because)
        if agreed:
            _refuse_what_has_changed(workspace, model, card.champion)
        if agreed and steps.by_steps:
            shares, shadowed = steps.canary, steps.shadow
            canary.begin(workspace, model, card.champion, shares, heard, by, because, card.run_id, shadowed)
            answered = settle(workspace, model, "try", said)
        elif agreed:
            promote(workspace, model, because, by, card.run_id)
            answered = settle(workspace, model, "promote", said)
        else:
            answered = settle(workspace, model, "refuse", said)
    ends: dict[str, Outcome] = {"promote": "promoted", "try": "tried", "refuse": "refused"}
    _tell(workspace, model, ends[answered.outcome], by, said)
    return answered


def withdraw(workspace: Workspace, challenger: ModelVersion) -> None:
    """Hold every version that waits for an answer and is the challenger no more.

    Whoever holds `promotion.deciding` calls.
    """
    for model in with_tag(workspace, POLICY, DECISION, "ask"):
        if model != challenger:
            said = f"hold: nobody had answered when version {challenger.version} became the challenger"
            settle(workspace, model, "hold", said)


def _refuse_what_has_changed(workspace: Workspace, model: ModelVersion, champion: ModelVersion) -> None:
    now, on_trial = at_alias(workspace, model.name, CHAMPION), canary.running(workspace)
    if now not in (champion, model):
        serves = f"{now.version} serves now" if now else "none serves now"
        raise _too_late(model, f"was compared with {champion.version}, and {serves}")
    if on_trial and on_trial.model != model:
        raise _too_late(model, f"has to wait: version {on_trial.model.version} is tried")


def _too_late(model: ModelVersion, why: str) -> BadInput:
    by_hand = f"`heed promote {model.version}` puts it into service all the same."
    return BadInput(f"version {model.version} {why}", "the registry", by_hand)


def _said(agreed: bool, by: str, because: str) -> str:
    return f"{'pass' if agreed else 'refuse'}: {by} {'agreed' if agreed else 'did not agree'}: {because}"


def _tell(workspace: Workspace, model: ModelVersion, outcome: Outcome, by: str, said: str) -> None:
    card = scorecard_of(workspace, model)
    assert card
    facts = {
        "outcome": outcome,
        "dataset": card.dataset,
        "challenger": model.version,
        "champion": card.champion.version,
    }
    notify(workspace, outcome, f"Version {model.version}: {said.partition(': ')[2]}", facts | {"by": by})
