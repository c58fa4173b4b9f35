"""Simulate: users who talk to the model in service, and what they leave behind lands like anybody's."""

from itertools import count

from prefect import flow, task

from components.records.messages import Message
from components.registry import models
from components.simulation.population import Assistant, scripted, talk
from components.workspace import Workspace
from flows.ingest import Landing, hear

LONGEST = 64  # tokens; no answer of the simulated world needs more


@flow(name="simulate", validate_parameters=False)
def simulate(workspace: Workspace, conversations: int, seed: int) -> Landing:
    """Users ask, read two answers and react."""
    assistant, name = _in_service(workspace, seed)
    told = task(name="talk")(talk)(assistant, name, conversations, seed)
    return hear(workspace, told.interactions, told.feedback, f"{conversations} simulated conversations with {name}")


def _in_service(workspace: Workspace, seed: int) -> tuple[Assistant, str]:
    """The champion, else the base model, else the assistant that needs no model."""
    champion = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    if champion:
        return _language_model(str(models.folder_of(workspace, champion)), seed), f"{champion.name}/{champion.version}"
    if workspace.base_model:
        return _language_model(workspace.base_model, seed), "base"
    return scripted(seed), "scripted"


def _language_model(path: str, seed: int) -> Assistant:
    from components.evaluation.answers import answer

    asked = count()

    def answers(prompts: list[list[Message]]) -> list[str]:
        return answer(
            path,
            prompts,
            max_new_tokens=LONGEST,
            temperature=1.0,
            seed=1000 * seed + next(asked),
            label="Let users talk to the model",
        )

    return answers
