"""What the watch saw last, so that others know that it lives and how much feedback waits."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from components.workspace.files import place_text


class Seen(BaseModel):
    """A look.

    Attributes:
        at: when.
        waiting: pieces of feedback that no retraining has looked at.
    """

    at: datetime
    waiting: int


def last(state: Path) -> Seen | None:
    """The last look; None where nobody ever watched."""
    file = _file(state)
    return Seen.model_validate_json(file.read_text()) if file.exists() else None


def remember(state: Path, waiting: int) -> None:
    """Keep a look that is had now."""
    place_text(_file(state), Seen(at=datetime.now(UTC), waiting=waiting).model_dump_json())


def _file(state: Path) -> Path:
    return state / "watched.json"
