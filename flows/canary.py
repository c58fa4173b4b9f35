"""Canary: what users make of a version that some of them get, and what follows from it: more get it, or nobody does.

Before that, where the settings say so: how what it answers unseen compares with what users got.
"""

from datetime import datetime
from typing import Literal

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel

from components import journal, tracking
from components.evaluation import live as comparing
from components.feedback import live as hearing
from components.notifying import Outcome, notify
from components.records.handles import Estimate
from components.registry import canary, decisions, history, models, promotion
from components.registry.canary import Canary
from components.registry.gate import LIVE, SHADOW, read_live_checks, read_shadow_checks, weigh_live
from components.registry.reconsidering import remeasure
from components.workspace import Workspace
from flows.evaluate import means_of_judging


class Look(BaseModel):
    """What a look at a canary came to.

    Attributes:
        outcome: no canary is tried; wait for more users; the next step; promote to everybody; or roll back.
        canary: as it was when it was looked at.
        measures: what its users and the others made of their answers in this step, or how its unseen ones compare.
        reasons: one plain sentence for each check.
    """

    outcome: Literal["no canary", "wait", "next step", "promote", "roll back"]
    canary: Canary | None = None
    measures: dict[str, Estimate] = {}
    reasons: tuple[str, ...] = ()


@flow(name="canary", validate_parameters=False)
def look(workspace: Workspace) -> Look:
    """Hold what users say of the canary against the gate, and act on it. It may be looked at as often as one wants."""
    with journal.stage("canary", "look") as told:
        with promotion.deciding(workspace):
            canary.complete(workspace)
        on_trial = canary.running(workspace)
        looked = _looked(workspace, on_trial) if on_trial else Look(outcome="no canary")
        told |= {"outcome": looked.outcome}
        return looked


def _looked(workspace: Workspace, on_trial: Canary) -> Look:
    heard = hearing.position(workspace)
    measures = (_compared if on_trial.is_shadow else _heard)(workspace, on_trial)
    # Not before: a judge may take its time, and whoever promotes meanwhile need not wait.
    with promotion.deciding(workspace):
        on_trial_now = canary.running(workspace)
        if on_trial_now != on_trial:
            return Look(outcome="wait" if on_trial_now else "no canary", canary=on_trial_now)
        return _decided(workspace, on_trial, measures, heard)


def _heard(workspace: Workspace, on_trial: Canary) -> dict[str, Estimate]:
    """What its users make of it, and the others of the champion."""
    verdicts = task(name="hear")(hearing.verdicts)(workspace, on_trial.heard, datetime.fromisoformat(on_trial.since))
    champion = models.version_named(workspace, on_trial.champion)
    told = workspace.settings.evaluate
    return task(name="compare")(comparing.measure)(
        verdicts, models.name_of(on_trial.model), models.name_of(champion), told.resamples, told.seed
    )


def _compared(workspace: Workspace, on_trial: Canary) -> dict[str, Estimate]:
    """What the scorecard's judge makes of its unseen answers beside those that users got."""
    from components.evaluation import shadow
    from components.evaluation.judges import appoint

    answers = task(name="hear")(hearing.side_by_side)(workspace, on_trial.heard, models.name_of(on_trial.model))
    card = decisions.scorecard_of(workspace, on_trial.model)
    assert card
    judge = appoint(card.judge, means_of_judging(workspace, card.dataset, card.reward))
    told = workspace.settings.evaluate
    # Without a cache: a judge may be a whole model, which nobody needs to tell apart from others.
    return task(name="compare", cache_policy=NO_CACHE)(shadow.measure)(answers, judge, told.resamples, told.seed)


def _decided(workspace: Workspace, on_trial: Canary, measures: dict[str, Estimate], heard: int) -> Look:
    now = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    if not now or now.version != on_trial.champion:
        because = f"refuse: version {on_trial.champion}, beside which it was tried, is no longer the champion"
        return _rolled_back(workspace, Look(outcome="roll back", canary=on_trial, reasons=(because,)), because)
    _publish(workspace, on_trial, measures)
    checks = (read_shadow_checks if on_trial.is_shadow else read_live_checks)(workspace.gate_file)
    decision = weigh_live(measures, checks, len(on_trial.shares))
    found = Look(outcome="wait", canary=on_trial, measures=measures, reasons=decision.reasons)
    if decision.outcome == "refuse":
        because = next(reason for reason in decision.reasons if reason.startswith("refuse: "))
        return _rolled_back(workspace, found.model_copy(update={"outcome": "roll back"}), because)
    return _gone_on(workspace, found, heard) if decision.outcome == "promote" else found


def _publish(workspace: Workspace, on_trial: Canary, measures: dict[str, Estimate]) -> None:
    """Put what came of this step beside what was measured before: in MLflow, in the scorecard and in the model card."""
    scorecard = decisions.scorecard_of(workspace, on_trial.model)
    assert scorecard
    tracking.log_estimates(measures, scorecard.run_id)
    of_this_step = SHADOW if on_trial.is_shadow else LIVE
    before = [name for name in scorecard.measures if name.startswith(of_this_step)]
    remeasure(workspace, on_trial.model, before, measures)


def _gone_on(workspace: Workspace, found: Look, heard: int) -> Look:
    assert found.canary
    because = found.reasons[0].removeprefix("pass: ")
    if canary.go_on(workspace, found.canary, heard, because):
        return found.model_copy(update={"outcome": "next step"})
    _tell(workspace, "promoted", found.canary, because)
    return found.model_copy(update={"outcome": "promote"})


def _rolled_back(workspace: Workspace, found: Look, because: str) -> Look:
    assert found.canary
    canary.withdraw(workspace, found.canary, history.GATE, because)
    _tell(workspace, "rolled back", found.canary, because)
    return found


def _tell(workspace: Workspace, outcome: Outcome, on_trial: Canary, because: str) -> None:
    facts = {"challenger": on_trial.model.version, "champion": on_trial.champion, "by": "the canary"}
    notify(workspace, outcome, because, facts)
