"""Promote: from a scorecard to a decision, and to a new champion where the gate says so."""

from prefect import flow, task

from components.records.handles import Decision, Scorecard
from components.registry import approval, decisions, history, models, promotion
from components.registry.card import model_card, template_of
from components.registry.gate import decide, read_policy
from components.workspace import Workspace


@flow(name="promote", validate_parameters=False)
def promote(workspace: Workspace, scorecard: Scorecard, inputs: str) -> Decision:
    """Hold the scorecard against the gate, write the decision down, and act on it."""
    with promotion.deciding(workspace):
        return _decided(workspace, scorecard, inputs)


def _decided(workspace: Workspace, scorecard: Scorecard, inputs: str) -> Decision:
    policy = read_policy(workspace.gate_file)
    look = task(name="begin")(decisions.begin)(workspace, scorecard, inputs)
    decision = task(name="gate")(decide)(scorecard, policy, look)
    now = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    # It is the challenger already where a kill came between the promotion and the record of it.
    if decision.outcome == "promote" and now not in (scorecard.champion, scorecard.challenger):
        said = f"hold: version {now.version if now else 'none'} is in service by now, which it was not compared with"
        decision = Decision(outcome="hold", reasons=(*decision.reasons, said))
    if decision.outcome == "promote" and workspace.settings.promotion.approval:
        said = f"ask: a person has to agree, with `heed promote {scorecard.challenger.version}` or in Prefect's UI"
        decision = Decision(outcome="ask", reasons=(*decision.reasons, said))
    # Before anything moves: a template that cannot be filled in is mended first.
    card = model_card(scorecard, decision, template_of(workspace))
    task(name="challenge")(promotion.challenge)(workspace, scorecard.challenger)
    task(name="withdraw")(approval.withdraw)(workspace, scorecard.challenger)
    if decision.outcome == "promote":
        task(name="promote")(promotion.promote)(
            workspace,
            scorecard.challenger,
            f"it passes all {len(policy.checks)} checks",
            history.GATE,
            scorecard.run_id,
        )
    # Last, because it is what says that these inputs are done with.
    task(name="record")(decisions.record)(workspace, scorecard, decision, inputs, card)
    return decision
