"""Evaluate: a challenger against the champion, on prompts that neither has seen.

The step imports what loads torch when it runs (see `flows.train`).
"""

from prefect import flow

from components import tracking
from components.records.handles import DatasetVersion, ModelVersion, Scorecard
from components.registry import models
from components.workspace import Workspace, versions
from flows.engine import origin, step
from flows.train import checked_sides


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


@step("endpoint", "evaluate", "preferences", "split", "train", part="evaluation")
def measure(
    workspace: Workspace,
    key: str,
    dataset: DatasetVersion,
    challenger: ModelVersion,
    champion: ModelVersion,
    reward: ModelVersion,
) -> Scorecard:
    """Let both answer, let the judge compare, and put numbers with intervals on it."""
    from components.endpoint import shared
    from components.evaluation.gathering import gather
    from components.evaluation.judges import Means, appoint
    from components.evaluation.publishing import publish, trace
    from components.evaluation.scoring import answers_table, figures, measure_all, most_different
    from components.training import rewards

    sides = checked_sides(workspace, dataset)
    settings = workspace.settings.evaluate
    score = rewards.load(models.folder_of(workspace, reward), workspace.features).score
    params = settings.model_dump() | {"challenger": challenger.uri, "champion": champion.uri, "reward": reward.uri}
    with tracking.run(workspace, "evaluate", key, dataset, params, origin()) as run:
        tracking.log_dataset(sides.test, dataset, "test")
        evidence = gather(
            sides.test,
            models.folder_of(workspace, challenger),
            models.folder_of(workspace, champion),
            scorer=score,
            judge=appoint(
                settings.judge,
                Means(
                    score,
                    lambda: shared(workspace.settings.endpoint, workspace.answers),
                    versions.read(workspace, dataset, "checklists"),
                ),
            ),
            settings=settings,
            beta=workspace.settings.train.beta,
            newest=sides.newest,
        )
        measures = measure_all(evidence, settings)
        answers = answers_table(evidence)
        tables = {"answers.json": answers, "most_different.json": most_different(answers)}
        publish(measures, figures(evidence, measures), tables)
        trace(answers)
    return Scorecard(
        challenger=challenger,
        champion=champion,
        reward=reward,
        dataset=dataset.hash,
        judge=settings.judge,
        measures=measures,
        run_id=run.info.run_id,
    )
