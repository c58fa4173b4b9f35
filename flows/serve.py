"""Serve: the capture service, in front of a far model or of the champion."""

from collections.abc import Callable
from pathlib import Path

from components.feedback.capture.server import serve as listen
from components.records.errors import BadInput
from components.registry import models
from components.workspace import Workspace


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


def in_service(workspace: Workspace) -> tuple[str, str | Path]:
    """The champion's name and folder; the base model's where there is no champion yet.

    Raises:
        BadInput: there is neither.
    """
    champion = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    if champion:
        return f"{champion.name}/{champion.version}", models.folder_of(workspace, champion)
    if workspace.base_model:
        return "base", workspace.base_model
    raise BadInput(
        "there is no model to answer yet", "capture.upstream", "Name an endpoint there, or run `heed retrain` first."
    )
