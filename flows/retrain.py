"""Retrain: the whole loop once. From whatever has landed to a decision about a new champion."""

from typing import Literal

from prefect import flow
from pydantic import BaseModel

from components import journal, outages
from components.evaluation import must_pass
from components.notifying import Outcome, notify
from components.records.handles import DatasetVersion, Decision, ModelVersion, Scorecard
from components.records.identity import fingerprint
from components.registry import decisions, retrainings
from components.validation import acceptance
from components.workspace import Workspace, looked, tally
from flows import evaluation_sets
from flows.approving import ask, withdraw_others
from flows.burying import bury, withdraw
from flows.challenge import Challenged, challenge
from flows.collect import newest
from flows.engine import origin
from flows.examine import examine
from flows.leasing import one_retraining
from flows.promote import can_decide, promote


class Retraining(BaseModel):
    """What a retraining came to.

    Attributes:
        outcome: `promote`, `ask`, `try`, `hold` or `refuse` as the gate said, `data held` or `data refused` where the
            data gate stopped it before anything was trained, or `nothing new`.
        dataset: the version it looked at.
        challenger: the version it made, or had made of the same inputs before; None where it made none.
        champion: the version in service when it began.
        scorecard: what was measured.
        reasons: why the outcome is what it is.
        report: the page about the data, where the data gate stopped it.
    """

    outcome: Literal["promote", "ask", "try", "hold", "refuse", "data held", "data refused", "nothing new"]
    dataset: DatasetVersion
    challenger: ModelVersion | None = None
    champion: ModelVersion | None = None
    scorecard: Scorecard | None = None
    reasons: tuple[str, ...] = ()
    report: str | None = None

    @property
    def facts(self) -> dict[str, object]:
        """What the journal and programs are told of it."""
        return {
            "outcome": self.outcome,
            "dataset": self.dataset.hash,
            "challenger": self.challenger.version if self.challenger else None,
            "champion": self.champion.version if self.champion else None,
        }


SHAPING = ("preferences", "split", "base", "sft", "train", "reward", "evaluate")
"""The sections of the settings that a challenger, or what is said of it, can come out different for."""


@flow(name="retrain", validate_parameters=False)
def retrain(workspace: Workspace, force: bool = False, challenged: Challenged | None = None) -> Retraining:
    """The loop of the picture: what was captured, dataset, data gate, champion, challenger, scorecard, gate.

    Args:
        workspace: whose.
        force: train again though nothing is new.
        challenged: makes a challenger and its scorecard where there is a device for it; None for here.
    """
    with one_retraining(workspace), journal.stage("retraining", "retrain") as told:
        bury(workspace)
        withdraw(workspace)
        try:
            dataset = newest(workspace)
            journal.tell("retraining", "take up", dataset=dataset.hash, batches=looked.batches_since(workspace))
            done = once(workspace, dataset, force, challenged or challenge)
        except Exception as error:
            tally.count(workspace, "failed")
            away = outages.said(error, workspace.root)
            notify(workspace, "failed", str(away or error) or type(error).__name__, {})
            if away:
                raise away from error
            raise
        looked.remember(workspace, acceptance.newest_batch(workspace, dataset.hash))
        told |= done.facts
        end(workspace, done)
        return done


def end(workspace: Workspace, done: Retraining) -> None:
    """Count what a retraining came to, and tell those who wait for it."""
    tally.count(workspace, done.outcome)
    _tell(workspace, done)
    if done.outcome == "ask" and done.challenger:
        ask(workspace, done.challenger)
    if done.scorecard:
        withdraw_others(workspace, done.scorecard.challenger)
        decisions.told(workspace, done.scorecard.challenger)


def _tell(workspace: Workspace, done: Retraining) -> None:
    if done.outcome == "nothing new":
        return
    ends: dict[str, Outcome] = {
        "promote": "promoted",
        "ask": "waiting",
        "try": "tried",
        "hold": "held",
        "refuse": "refused",
    }
    end = ends.get(done.outcome) or ("refused" if done.outcome == "data refused" else "held")
    by = "the data gate" if done.report else "the gate"
    notify(workspace, end, "; ".join(done.reasons), done.facts | {"outcome": end, "by": by})


def once(workspace: Workspace, dataset: DatasetVersion, force: bool, challenged: Challenged) -> Retraining:
    """A decision on a dataset version; nothing, where there has been one and it is not forced."""
    attempt, inputs = _inputs(workspace, dataset, force)
    done = _before(workspace, dataset, inputs)
    if done and done.outcome == "nothing new":
        return done
    can_decide(workspace)
    run = retrainings.begin(workspace, inputs, dataset, workspace.settings.model_dump(include=set(SHAPING)), origin())
    try:
        done = done or _attempted(workspace, dataset, attempt, inputs, challenged)
    except Exception as error:
        if not outages.said(error, workspace.root):  # what went away may be where runs are kept
            retrainings.fail(workspace, run, f"{type(error).__name__}: {error}".splitlines()[0])
        raise
    except BaseException:
        retrainings.leave(workspace, "KILLED")
        raise
    retrainings.finish(workspace, run, done.outcome, done.reasons, done.scorecard)
    return done


def _before(workspace: Workspace, dataset: DatasetVersion, inputs: str) -> Retraining | None:
    """What an earlier retraining came to that nobody was told of, or nothing new; None where there was none."""
    made = decisions.decided(workspace, inputs)
    if not made:
        return None
    decision, measured = decisions.untold(workspace, made), decisions.scorecard_of(workspace, made)
    if decision and measured:
        return _told(dataset, measured, decision)
    return Retraining(outcome="nothing new", dataset=dataset, challenger=made)


def _attempted(
    workspace: Workspace, dataset: DatasetVersion, attempt: int, inputs: str, challenged: Challenged
) -> Retraining:
    if by_the_data := stopped(workspace, dataset):
        return by_the_data
    # Begun and killed: the champion may be another by now, and a challenge would be to that one.
    scorecard = decisions.begun(workspace, inputs) or challenged(workspace, dataset, attempt)
    return _told(dataset, scorecard, promote(workspace, scorecard, inputs))


def _inputs(workspace: Workspace, dataset: DatasetVersion, force: bool) -> tuple[int, str]:
    """Which attempt at these inputs this is, and the name of the attempt. Only force makes a second one."""
    attempt = 0
    while True:
        settings = workspace.settings.model_dump(include=set(SHAPING))
        settings |= must_pass.named(workspace.must_pass)
        inputs = fingerprint(dataset.key, settings, evaluation_sets.named(workspace), attempt)
        if not force or not decisions.decided(workspace, inputs):
            return attempt, inputs
        attempt += 1


def stopped(workspace: Workspace, dataset: DatasetVersion) -> Retraining | None:
    """Why the data may not train a model; None where it may, which is then written down."""
    if acceptance.is_accepted(workspace, dataset.hash):
        return None
    examined = examine(workspace, dataset)
    if examined.verdict.outcome == "accept":
        acceptance.accept(workspace, dataset, "no check of the policy stops it", acceptance.GATE)
        return None
    return Retraining(
        outcome="data refused" if examined.verdict.outcome == "refuse" else "data held",
        dataset=dataset,
        reasons=examined.verdict.stops,
        report=examined.report,
    )


def _told(dataset: DatasetVersion, scorecard: Scorecard, decision: Decision) -> Retraining:
    return Retraining(
        outcome=decision.outcome,
        dataset=dataset,
        challenger=scorecard.challenger,
        champion=scorecard.champion,
        scorecard=scorecard,
        reasons=decision.reasons,
    )
