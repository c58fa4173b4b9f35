"""Sweep: several settings are tried on one dataset version, and the best of them is the challenger.

All are trained from the same champion on the same sides, and compared with it on the validation side by one reward
model. The test side is for the one that is chosen, which goes the way of every retraining from there.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from prefect import flow

from components import journal, outages, tracking
from components.config.grid import Point, settings_of
from components.config.loading import altered
from components.records.errors import BadInput
from components.records.handles import Choice, DatasetVersion, ModelVersion, Scorecard, Trial
from components.registry import trials as tried
from components.registry.gate import read_policy
from components.workspace import Workspace, versions
from flows.burying import bury, withdraw
from flows.challenge import A_WEEK, Challenged, in_service
from flows.engine import origin, step
from flows.evaluate import evaluate, measure_to_choose
from flows.leasing import one_retraining
from flows.promote import can_decide
from flows.retrain import SHAPING, Retraining, end, once, stopped
from flows.train import checked_sides, fit_reward, optimise_preferences, register, with_flip_rate

ATTEMPT = 0
"""Settings are tried once; a retraining with the same ones has trained the same model."""


class Sweep(Retraining):
    """What a sweep came to.

    Attributes:
        trials: in the order of the grid; none where the data gate stopped it.
        best: which of them was chosen.
    """

    trials: tuple[Trial, ...] = ()
    best: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Key to value, of the settings that were chosen."""
        return {} if self.best is None else self.trials[self.best].settings


@flow(name="sweep", validate_parameters=False)
def sweep(workspace: Workspace, points: Sequence[Point]) -> Sweep:
    """Try settings on the dataset version that is there, and decide on the best of them.

    What was captured since stays where it is, so that a sweep that was killed goes on with what it had.

    Args:
        workspace: whose; its settings hold for all that is not tried.
        points: what is tried.
    """
    with one_retraining(workspace), journal.stage("retraining", "sweep", trials=len(points)) as said:
        bury(workspace)
        withdraw(workspace)
        dataset = versions.current(workspace)
        if by_the_data := stopped(workspace, dataset):
            done = Sweep(**dict(by_the_data))
        else:
            done = _decided(workspace, dataset, tuple(points))
        said |= done.facts
        end(workspace, done)
        return done


def _decided(workspace: Workspace, dataset: DatasetVersion, points: tuple[Point, ...]) -> Sweep:
    can_decide(workspace)
    with workspace.lock("training", "training", wait=A_WEEK):
        choice = choose(workspace, dataset, points)
    done = once(_with(workspace, points[choice.best]), dataset, False, _judged(choice))
    return Sweep(**dict(done), trials=choice.trials, best=choice.best)


def _judged(choice: Choice) -> Challenged:
    """The challenger that was chosen, on the test side."""

    def judged(workspace: Workspace, dataset: DatasetVersion, _: int) -> Scorecard:
        with workspace.lock("training", "training", wait=A_WEEK):
            workspace = with_flip_rate(workspace, dataset)
            scorecard = evaluate(workspace, dataset, choice.challenger, choice.champion, choice.reward)
        return scorecard.model_copy(update={"best_of": len(choice.trials)})

    return judged


@step(*SHAPING, part="training")
def choose(workspace: Workspace, key: str, dataset: DatasetVersion, points: tuple[Point, ...]) -> Choice:
    """Train with each of some settings, and register the policy that does best on the validation side."""
    if checked_sides(workspace, dataset).validation.is_empty():
        fix = "Land more feedback, or give it a larger share with split.validation."
        raise BadInput("no preferences to choose on", "the validation side of the dataset", fix)
    params = {"trials": len(points), "settings": " ".join(settings_of(workspace.settings, points[0]))}
    run = ("sweep", key, dataset, params, origin())
    with tracking.run(workspace, *run) as begun:
        above = begun.info.run_id
    champion = in_service(workspace, dataset)
    reward = fit_reward(with_flip_rate(workspace, dataset), dataset, ATTEMPT)
    trials = tried.at_equal_length([_tried(workspace, dataset, point, champion, reward, above) for point in points])
    if all(trial.failed for trial in trials):
        raise BadInput(f"all trials failed, the last with {trials[-1].failed}", "what is tried", "Try other values.")
    best = tried.best(trials, read_policy(workspace.gate_file))
    trained = trials[best].trained
    assert trained
    challenger = register(workspace, dataset, trained)
    with tracking.run(workspace, *run):
        tried.log(trials, {"challenger": challenger, "champion": champion, "reward": reward})
    tried.note_lost(workspace, trials, trials[best], above)
    return Choice(
        trials=tuple(trials), best=best, challenger=challenger, champion=champion, reward=reward, run_id=above
    )


def _tried(
    workspace: Workspace,
    dataset: DatasetVersion,
    point: Point,
    champion: ModelVersion,
    reward: ModelVersion,
    above: str,
) -> Trial:
    """Train with some settings, and measure. Where that fails, as by too high a learning rate, the others go on."""
    trial = Trial(settings=settings_of(workspace.settings, point))
    try:
        there = with_flip_rate(_with(workspace, point), dataset)
        trained = optimise_preferences(there, dataset, champion, ATTEMPT)
        trial = trial.model_copy(update={"trained": trained})
        tried.put_below(workspace, trained.run_id, above)
        measures, verdicts = measure_to_choose(there, dataset, trained, champion, reward)
        return trial.model_copy(update={"measures": measures, "verdicts": verdicts})
    except Exception as error:
        if isinstance(error, BadInput) or outages.said(error, workspace.root):
            raise
        journal.trouble("training", "try", error=type(error).__name__)
        return trial.model_copy(update={"failed": f"{type(error).__name__}: {error}".splitlines()[0]})


def _with(workspace: Workspace, point: Point) -> Workspace:
    return replace(workspace, settings=altered(workspace.settings, point))
