"""One project's folders, its git and its DVC repository."""

from components.workspace.workspace import Workspace, find

__all__ = ["Workspace", "find"]
