"""What came of a version that a person was asked about, or that was tried: kept with it and in its retraining's run."""

from typing import Literal

from components.records.handles import Decision, ModelVersion
from components.registry import retrainings
from components.registry.card import model_card, template_of
from components.registry.decisions import decision_of, record, scorecard_of
from components.registry.models import tag
from components.workspace import Workspace


def settle(
    workspace: Workspace, model: ModelVersion, outcome: Literal["promote", "try", "hold", "refuse"], said: str
) -> Decision:
    """Write it down. Whoever holds `promotion.deciding` calls.

    Args:
        model: it was decided on; the last reason is that it is asked about or tried.
        outcome: what came of that.
        said: a reason, in place of that one.
    """
    card, decision = scorecard_of(workspace, model), decision_of(workspace, model)
    assert card
    assert decision
    settled = Decision(outcome=outcome, reasons=(*decision.reasons[:-1], said))
    inputs = tag(workspace, model, "heed.inputs") or ""
    retrainings.answered(workspace, inputs, settled, card)
    # Last, because from then on nobody is asked any more.
    record(workspace, card, settled, inputs, model_card(card, settled, template_of(workspace)))
    return settled
