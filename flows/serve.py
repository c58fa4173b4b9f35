"""Serve: the capture service, in front of a far model, or of the champion and the canary."""

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
    """The champion, and who of the users gets the canary; the base model where there is no champion yet.

    Raises:
        BadInput: there is neither.
    """
    from components.evaluation.serving import InService, Model

    champion = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    if champion:
        on_trial = canary.running(workspace)
        return InService(
            _opened_from(workspace, champion),
            _opened_from(workspace, on_trial.model) if on_trial else None,
            on_trial.share if on_trial else 0.0,
        )
    if workspace.base_model:
        return InService(Model("base", workspace.base_model))
    raise BadInput(
        "there is no model to answer yet", "capture.upstream", "Name an endpoint there, or run `heed retrain` first."
    )


def _opened_from(workspace: Workspace, model: ModelVersion) -> "Model":
    from components.evaluation.serving import Model

    return Model(models.journal_name(model), models.folder_of(workspace, model))
