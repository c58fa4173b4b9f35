"""Reads the evaluation sets of a workspace, and names what they hold, so that a step is done again when it changes."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from components.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl


def read(workspace: Workspace) -> "pl.DataFrame":
    """All questions: `file` and `text`; none where there is no such folder.

    Raises:
        BadInput: a file cannot be read, or there is no question in it.
    """
    import polars as pl

    from components.feedback.readers.questions import questions
    from components.validation.overlap import SETS

    return pl.concat([pl.DataFrame(schema=SETS), *(questions(file) for file in _files(workspace))])


def named(workspace: Workspace) -> dict[str, str]:
    """File to the hash of its content."""
    root = workspace.evaluation_sets
    return {str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest() for file in _files(workspace)}


def _files(workspace: Workspace) -> list[Path]:
    """Every file but what a set brings that is no part of it: a README, a licence, git's."""
    root = workspace.evaluation_sets
    return [
        file
        for file in sorted(root.rglob("*"))
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(root).parts)
        and not file.name.upper().startswith(("README", "LICENSE", "LICENCE"))
    ]
