"""What the gate would say of a version by now, with measures that were made after its decision. Moves nothing."""

from collections.abc import Collection, Mapping

from components import journal
from components.records.handles import Decision, Estimate, ModelVersion, Scorecard
from components.registry.card import model_card, template_of
from components.registry.decisions import decision_of, scorecard_of
from components.registry.gate import decide, read_policy
from components.registry.models import name_of
from components.registry.promotion import deciding
from components.tracking import client
from components.workspace import Workspace


def reconsider(
    workspace: Workspace, model: ModelVersion, names: Collection[str], measures: Mapping[str, Estimate]
) -> tuple[Scorecard, Decision]:
    """Put measures that were made later into the scorecard and the model card kept on a version, and ask the gate.

    Args:
        model: it has a scorecard.
        names: of all such measures; what the scorecard has of them goes.
        measures: that come in their place.

    Returns:
        The scorecard as it is now, and what the gate says of it.
    """
    with deciding(workspace):
        scorecard = remeasure(workspace, model, names, measures)
    return scorecard, decide(scorecard, read_policy(workspace.gate_file))


def remeasure(
    workspace: Workspace, model: ModelVersion, names: Collection[str], measures: Mapping[str, Estimate]
) -> Scorecard:
    """The same for whoever holds `promotion.deciding`, without asking the gate."""
    before = scorecard_of(workspace, model)
    assert before
    others = {name: found for name, found in before.measures.items() if name not in names}
    scorecard = before.model_copy(update={"measures": others | dict(measures)})
    if scorecard != before:
        _keep(workspace, scorecard)
        journal.tell("promotion", "remeasure", model=name_of(model), run=scorecard.run_id, measures=len(measures))
    return scorecard


def _keep(workspace: Workspace, scorecard: Scorecard) -> None:
    mlflow, model = client(workspace), scorecard.challenger
    mlflow.set_model_version_tag(model.name, str(model.version), "heed.scorecard", scorecard.model_dump_json())
    if decision := decision_of(workspace, model):
        card = model_card(scorecard, decision, template_of(workspace))
        mlflow.update_model_version(model.name, str(model.version), description=card)
