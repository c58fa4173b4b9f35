"""What heed tells Prefect has happened: events that automations can be set on, in Prefect's UI too."""

from typing import Any

from prefect.events import emit_event

from components.workspace import Workspace

HEARD = "heed.feedback.heard"
"""More feedback waits than before."""

DUE = "heed.feedback.due"
"""So much feedback waits that a retraining is due and none is running."""

DRIFTED = "heed.data.drifted"
"""What is new differs from what was last accepted."""


def tell(workspace: Workspace, event: str, **payload: Any) -> None:
    """Say that something has happened in a workspace."""
    emit_event(event, resource(workspace), payload=payload)


def resource(workspace: Workspace) -> dict[str, str]:
    """What heed's events are about."""
    return {"prefect.resource.id": f"heed.workspace.{workspace.name}"}
