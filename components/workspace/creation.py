"""Makes a workspace: heed.toml, git, DVC, an empty dataset pinned as the first version."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from components.config import Settings
from components.config.loading import keys
from components.records.errors import BadInput
from components.workspace import git, pinning
from components.workspace.files import place_text
from components.workspace.workspace import SETTINGS_FILE, Workspace

IGNORED = "/data\n/.heed/\n"


def create(root: Path, gate_policy: str, expectations: Sequence[Path] = ()) -> Workspace:
    """Make `root` a workspace; what is already there is kept.

    Args:
        root: the folder; made where it is missing. Its own git repository is used or made.
        gate_policy: the text of mlflow/gate.toml.
        expectations: files to copy into expectations/.

    Raises:
        BadInput: it is a workspace already, not a folder, or its `data/` is in git.
    """
    if _committed(root):
        raise BadInput("this is a workspace already", root, "Nothing to do; `heed status` shows what it holds.")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot make the folder: {error.strerror}", root, "Choose another place.") from None
    workspace = Workspace(root.resolve(), Settings())
    if not git.is_whole(workspace.root):
        git.git(workspace.root, "init", "--quiet", "--initial-branch=main")
    _init_dvc(workspace.root)
    _ignore(workspace.root / ".gitignore")
    if not workspace.gate_file.exists():
        place_text(workspace.gate_file, gate_policy)
    for file in expectations:
        if not (workspace.expectations / file.name).exists():
            place_text(workspace.expectations / file.name, file.read_text(encoding="utf-8"))
    pinning.pin(workspace, "Start with an empty dataset")
    # Last, because its commit is what makes the folder a workspace: an interrupted `heed init` can be run again.
    if not (workspace.root / SETTINGS_FILE).exists():
        place_text(workspace.root / SETTINGS_FILE, settings_text())
    made = (SETTINGS_FILE, ".gitignore", ".dvc", ".dvcignore", "mlflow/gate.toml", "expectations")
    git.commit(workspace.root, "Start a heed workspace", *(name for name in made if (workspace.root / name).exists()))
    return workspace


def settings_text() -> str:
    """A heed.toml that says every default, each commented out."""
    lines = ["# heed settings. Every key is at its default; take away a # to change one.", ""]
    section = ""
    for key, field in keys().items():
        here, name = key.split(".")
        if here != section:
            lines += [f"[{here}]"] if not section else ["", f"[{here}]"]
            section = here
        lines.append(f"# {name} = {_toml(field.default)}" + (f"  # {field.description}" if field.description else ""))
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    # What JSON writes of a text, a number, a truth, a list and an empty table is TOML too.
    return json.dumps(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _committed(root: Path) -> bool:
    ours = (root / SETTINGS_FILE).exists() and (root / ".git").exists()
    return ours and bool(git.git(root, "rev-list", "--all", "--max-count=1", "--", SETTINGS_FILE))


def _init_dvc(root: Path) -> None:
    from dvc import ignore
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.WARNING)
    if not (root / ".dvc").exists():
        Repo.init(str(root)).close()
    ignore.init(str(root))  # does nothing where an init that was killed has come so far
    with pinning.opened(root) as repo, repo.config.edit("repo") as config:
        config["core"] |= {"analytics": False, "check_update": False, "autostage": False}
        config["cache"] |= {"type": ["reflink", "hardlink", "copy"]}


def _ignore(file: Path) -> None:
    kept = file.read_text() if file.exists() else ""
    missing = [line for line in IGNORED.split() if line not in kept.split()]
    if missing:
        ended = kept if kept.endswith("\n") or not kept else f"{kept}\n"
        place_text(file, ended + "".join(f"{line}\n" for line in missing))
