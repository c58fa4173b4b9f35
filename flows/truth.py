"""What only a simulation can do: make the world a base model learns from, and ask the users' true tastes."""

from pathlib import Path

from prefect import flow, task

from components.bootstrap import estimate
from components.evaluation.answers import answer
from components.evaluation.gathering import held_out_prompts
from components.evaluation.judges import compare
from components.records.handles import DatasetVersion, Estimate, ModelVersion
from components.registry import models
from components.simulation.judge import TasteJudge
from components.simulation.population import conversations
from components.training import jobs, launch
from components.workspace import Workspace
from flows.train import checked_sides

EPOCHS = 1.0


@flow(name="base model", validate_parameters=False)
def make_base_model(workspace: Workspace, count: int, seed: int) -> Path:
    """A language model that has only ever heard the simulated world, in the folder the settings name."""
    told = task(name="overhear")(conversations)(count, seed)
    job = jobs.language(told, workspace.state / "base", seed, EPOCHS)
    made = task(name="pretrain")(launch.run)(job)
    return made.rename(workspace.root / workspace.settings.base.model)


@flow(name="true win rate", validate_parameters=False)
def true_win_rate(
    workspace: Workspace, dataset: DatasetVersion, challenger: ModelVersion, champion: ModelVersion
) -> Estimate:
    """How often the users themselves would prefer the challenger's answer, on prompts of the test side."""
    settings = workspace.settings.evaluate
    prompts = held_out_prompts(checked_sides(workspace, dataset).test, settings)["prompt"].to_list()
    sides = [
        answer(
            models.folder_of(workspace, model),
            prompts,
            max_new_tokens=settings.max_new_tokens,
            temperature=settings.temperature,
            seed=settings.seed,
            label=f"Version {model.version} answers",
        ).texts
        for model in (challenger, champion)
    ]
    verdicts = compare(TasteJudge(), prompts, *sides)
    return estimate(verdicts.challenger_wins, resamples=settings.resamples, seed=settings.seed)
