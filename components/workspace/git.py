"""The few git commands a workspace needs. Knows nothing of datasets."""

import subprocess
from pathlib import Path

from components.records.errors import BadInput
from components.workspace import room

# A machine without an identity (CI, a container) still has to be able to commit.
FALLBACK_IDENTITY = {"user.name": "heed", "user.email": "heed@localhost"}


def git(root: Path, *arguments: str) -> str:
    """Run git in `root` and return what it prints.

    Raises:
        BadInput: git is not installed, or refuses; its own words are kept.
    """
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BadInput("git is not installed", "PATH", "Install git; heed keeps every dataset version in it.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise BadInput(
            f"git {arguments[0]} failed: {said[-1] if said else done.returncode}",
            root,
            "Make room: this disk is full." if room.is_full(root) else "Mend the checkout.",
        )
    return done.stdout.strip()


def is_whole(root: Path) -> bool:
    """Whether the folder has a git repository of its own, and not only what a `git init` that was cut off left."""
    asked = ["git", "-C", str(root), "rev-parse", "--resolve-git-dir", ".git"]
    return (root / ".git").exists() and subprocess.run(asked, capture_output=True, check=False).returncode == 0


def commit(root: Path, message: str, *paths: str) -> bool:
    """Commit exactly these paths, whatever else is staged; False where none of them changed."""
    git(root, "add", "--", *paths)
    changed = bool(git(root, "status", "--porcelain", "--untracked-files=no", "--", *paths))
    if changed:
        git(root, *_identity(root), "commit", "--quiet", "--no-verify", "--message", message, "--", *paths)
    return changed


def head(root: Path) -> str:
    """The full hash of the commit checked out."""
    return git(root, "rev-parse", "HEAD")


def _identity(root: Path) -> list[str]:
    options: list[str] = []
    for key, value in FALLBACK_IDENTITY.items():
        known = subprocess.run(["git", "-C", str(root), "config", key], capture_output=True, check=False)
        if known.returncode:
            options += ["-c", f"{key}={value}"]
    return options
