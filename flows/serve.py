"""Serve: the capture service, in front of a far model, or of the champion and what is tried beside it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from components.feedback.capture.server import serve as listen
from components.records.errors import BadInput
from components.records.handles import ModelVersion
from components.registry import canary, models
from components.workspace import Workspace

if TYPE_CHECKING:
    from components.evaluation.serving import InService, Model


def serve(workspace: Workspace, ready: Callable[[str], None]) -> None:
    """Listen until the process is told to stop.

    Args:
        ready: is told the address once it answers.
    """
    if workspace.settings.capture.upstream:
        listen(workspace, ready=ready)
        return
    from components.evaluation.serving import ModelTransport

    told = workspace.settings.evaluate
    listen(
        workspace,
        ModelTransport(lambda: in_service(workspace), told.max_new_tokens, told.temperature),
        ready=ready,
    )


def in_service(workspace: Workspace) -> "InService":
    """The champion, and who of the users gets the canary or is shadowed; the base model where there is no champion yet.

    Raises:
        BadInput: there is neither.
    """
    from components.evaluation.serving import InService, Model

    champion = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    if champion:
        answering, on_trial = _opened_from(workspace, champion), canary.running(workspace)
        if not on_trial:
            return InService(answering)
        tried = _opened_from(workspace, on_trial.model)
        if on_trial.is_shadow:
            return InService(answering, shadow=tried, shadowed=on_trial.shadowed)
        return InService(answering, canary=tried, share=on_trial.share)
    if workspace.base_model:
        return InService(Model("base", workspace.base_model))
    raise BadInput(
        "there is no model to answer yet", "capture.upstream", "Name an endpoint there, or run `heed retrain` first."
    )


def _opened_from(workspace: Workspace, model: ModelVersion) -> "Model":
    from components.evaluation.serving import Model

    return Model(models.name_of(model), models.folder_of(workspace, model))
