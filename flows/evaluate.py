"""Evaluate: a challenger against the champion, on prompts that neither has seen.

The step imports what loads torch when it runs (see `flows.train`).
"""

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from prefect import flow

from components import tracking
from components.evaluation import must_pass
from components.preferences.splitting import Sides
from components.records.handles import DatasetVersion, Estimate, ModelVersion, Scorecard, Trained, Verdict
from components.registry import models
from components.workspace import Workspace, versions
from flows.engine import origin, step
from flows.train import checked_sides

if TYPE_CHECKING:
    from components.evaluation.evidence import Evidence
    from components.evaluation.judges import Means


@flow(name="evaluate", validate_parameters=False)
def evaluate(
    workspace: Workspace,
    dataset: DatasetVersion,
    challenger: ModelVersion,
    champion: ModelVersion,
    reward: ModelVersion,
) -> Scorecard:
    """The scorecard of a challenger."""
    return measure(workspace, dataset, challenger, champion, reward)


@step("base", "endpoint", "evaluate", "preferences", "split", "train", part="evaluation")
def measure(
    workspace: Workspace,
    key: str,
    dataset: DatasetVersion,
    challenger: ModelVersion,
    champion: ModelVersion,
    reward: ModelVersion,
) -> Scorecard:
    """Let both answer, let the judge compare, and put numbers with intervals on it."""
    from components.evaluation.publishing import publish, trace
    from components.evaluation.scoring import figures, measure_all, tables

    sides = checked_sides(workspace, dataset)
    settings = workspace.settings.evaluate
    params = settings.model_dump() | {"challenger": challenger.uri, "champion": champion.uri, "reward": reward.uri}
    with tracking.run(workspace, "evaluate", key, dataset, params, origin()) as run:
        tracking.log_dataset(sides.test, dataset, "test")
        policy = models.folder_of(workspace, challenger)
        evidence = _evidence(workspace, dataset, sides, sides.test, policy, champion, reward, sides.newest)
        measures = measure_all(evidence, settings)
        shown = tables(evidence)
        publish(measures, figures(evidence, measures), shown)
        trace(shown["answers.json"])
    return Scorecard(
        challenger=challenger,
        champion=champion,
        reward=reward,
        dataset=dataset.hash,
        judge=settings.judge,
        measures=measures,
        run_id=run.info.run_id,
    )


@step("base", "endpoint", "evaluate", "preferences", "split", "train", part="evaluation")
def measure_to_choose(
    workspace: Workspace,
    key: str,
    dataset: DatasetVersion,
    trained: Trained,
    champion: ModelVersion,
    reward: ModelVersion,
) -> tuple[dict[str, Estimate], tuple[Verdict, ...]]:
    """The same measures on the validation side, for a policy that is one of several, and the judge's verdicts.

    Its own run in MLflow has the measures.
    """
    import mlflow

    from components.evaluation.scoring import measure_all, verdicts_of

    sides = checked_sides(workspace, dataset)
    evidence = _evidence(workspace, dataset, sides, sides.validation, trained.folder, champion, reward)
    measures = measure_all(evidence, workspace.settings.evaluate)
    tracking.client(workspace)
    with mlflow.start_run(run_id=trained.run_id, log_system_metrics=False):
        tracking.log_estimates({f"validation/{name}": estimate for name, estimate in measures.items()})
    return measures, verdicts_of(evidence)


def _evidence(
    workspace: Workspace,
    dataset: DatasetVersion,
    sides: Sides,
    side: pl.DataFrame,
    policy: Path,
    champion: ModelVersion,
    reward: ModelVersion,
    newest: pl.DataFrame | None = None,
) -> "Evidence":
    """What is observed of a policy and the champion on a side, with the judge that the settings name."""
    from components.evaluation.authorship import authors, most_frequent
    from components.evaluation.base import Base
    from components.evaluation.gathering import gather
    from components.evaluation.judges import appoint

    settings = workspace.settings
    interactions = versions.scan(workspace, dataset.hash, "interactions")
    written = authors(pl.concat([sides.seen, side]), interactions)
    means = means_of_judging(workspace, dataset.hash, reward, most_frequent(written, sides.seen))
    return gather(
        side,
        policy,
        models.folder_of(workspace, champion),
        scorer=means.scorer,
        judge=appoint(settings.evaluate.judge, means),
        settings=settings.evaluate,
        beta=settings.train.beta,
        newest=newest,
        must_pass=must_pass.read(workspace.must_pass),
        base=Base(workspace.base_model, settings.base.revision) if workspace.base_model else None,
        written=written,
    )


def means_of_judging(workspace: Workspace, dataset: str, reward: ModelVersion, taught_by: str | None = None) -> "Means":
    """What a judge may ask or look up.

    Args:
        dataset: content hash of the version that has the checklists.
        reward: the reward model.
        taught_by: the model that wrote most of what it learned from; None where that does not matter.
    """
    from components.endpoint import shared
    from components.evaluation.judges import Means
    from components.simulation.judge import TasteJudge
    from components.training import rewards

    return Means(
        rewards.load(models.folder_of(workspace, reward), workspace.features).score,
        lambda: shared(workspace.settings.endpoint, workspace.answers),
        versions.read(workspace, dataset, "checklists"),
        TasteJudge(),
        taught_by,
    )
