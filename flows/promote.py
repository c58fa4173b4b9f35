"""Promote: from a scorecard to a decision, and to a new champion where the gate says so."""

from typing import Literal

from prefect import flow, task

from components.feedback import live
from components.records.errors import BadInput
from components.records.handles import Decision, Scorecard
from components.registry import approval, canary, decisions, history, models, promotion
from components.registry.card import model_card, template_of
from components.registry.gate import decide, read_live_checks, read_policy, read_shadow_checks
from components.workspace import Workspace


def can_decide(workspace: Workspace) -> None:
    """Look, before anybody trains for hours, whether a decision could be made and acted on.

    Raises:
        BadInput: the gate's policy is wrong, or nothing can be tried on users as the settings want it.
    """
    read_policy(workspace.gate_file)
    told = workspace.settings.promotion
    if told.shadow:
        read_shadow_checks(workspace.gate_file)
    if told.canary:
        read_live_checks(workspace.gate_file)
    if told.by_steps and workspace.settings.capture.upstream:
        what = "users are answered at capture.upstream, so nothing can be tried on them"
        raise BadInput(what, "promotion.canary" if told.canary else "promotion.shadow", "Take one of the two away.")


@flow(name="promote", validate_parameters=False)
def promote(workspace: Workspace, scorecard: Scorecard, inputs: str) -> Decision:
    """Hold the scorecard against the gate, write the decision down, and act on it."""
    with promotion.deciding(workspace):
        return _decided(workspace, scorecard, inputs)


def _decided(workspace: Workspace, scorecard: Scorecard, inputs: str) -> Decision:
    canary.complete(workspace)
    policy = read_policy(workspace.gate_file)
    look = task(name="begin")(decisions.begin)(workspace, scorecard, inputs)
    decision = task(name="gate")(decide)(scorecard, policy, look)
    if decision.outcome == "promote" and (instead := _instead(workspace, scorecard)):
        outcome, said = instead
        decision = Decision(outcome=outcome, reasons=(*decision.reasons, f"{outcome}: {said}"))
    # Before anything moves: a template that cannot be filled in is mended first.
    card = model_card(scorecard, decision, template_of(workspace))
    task(name="challenge")(promotion.challenge)(workspace, scorecard.challenger)
    task(name="withdraw")(approval.withdraw)(workspace, scorecard.challenger)
    because = f"it passes all {len(policy.checks)} checks"
    if decision.outcome == "promote":
        task(name="promote")(promotion.promote)(
            workspace, scorecard.challenger, because, history.GATE, scorecard.run_id
        )
    if decision.outcome == "try":
        task(name="try")(canary.begin)(
            workspace,
            scorecard.challenger,
            scorecard.champion,
            workspace.settings.promotion.canary,
            live.position(workspace),
            history.GATE,
            because,
            scorecard.run_id,
            workspace.settings.promotion.shadow,
        )
    # Last, because it is what says that these inputs are done with.
    task(name="record")(decisions.record)(workspace, scorecard, decision, inputs, card)
    return decision


def _instead(workspace: Workspace, scorecard: Scorecard) -> tuple[Literal["hold", "ask", "try"], str] | None:
    """What happens to a challenger that passes, and why; None where it becomes the champion at once."""
    told = workspace.settings.promotion
    on_trial = canary.running(workspace)
    if on_trial and on_trial.model != scorecard.challenger:
        return "hold", f"{on_trial.in_words()}, which has to end first"
    now = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    # It is the challenger already where a kill came between the promotion and the record of it.
    if now not in (scorecard.champion, scorecard.challenger):
        return "hold", f"version {now.version if now else 'none'} is in service by now, which it was not compared with"
    if told.approval:
        version = scorecard.challenger.version
        return "ask", f"a person has to agree, with `heed promote {version}` or in Prefect's UI"
    if told.shadow:
        said = "its answers to what {:.0%} of the users ask are compared first, unseen; `heed canary` says how they do"
        return "try", said.format(told.shadow)
    if told.canary:
        return "try", f"{told.canary[0]:.0%} of the users get it first; `heed canary` says what they make of it"
    return None
