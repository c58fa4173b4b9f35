"""The commands that keep a workspace well: a look at everything, a backup and the way back, and clearing away."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.engine import forget_results
from flows.terminal import Json, Overrides, Place, opened, say

if TYPE_CHECKING:
    from components.upkeep.backup import Backup
    from components.upkeep.checks import Check
    from components.upkeep.collecting import Leftovers
    from components.upkeep.restoring import Restored

SOMETHING_IS_BAD = 2
"""Exit code."""


def doctor(place: Place = None, overrides: Overrides = None, as_json: Json = False) -> None:
    """Look at everything heed needs, and say what to do about what is not well."""
    workspace = opened(place, overrides)
    from components.upkeep.checks import examine

    found = list(examine(workspace))
    say(as_json, {"checks": [check.model_dump() for check in found]}, _checks(found))
    if any(check.state == "bad" for check in found):
        raise typer.Exit(SOMETHING_IS_BAD)


def backup(
    target: Annotated[Path, typer.Argument(help="The file to write: a .tar.zst or a .tar.gz.")],
    place: Place = None,
    as_json: Json = False,
) -> None:
    """Write the whole workspace into one file, while its services go on. It holds secrets: keep it safe."""
    workspace = opened(place)
    from components.upkeep.backup import back_up

    made = back_up(workspace, target)
    say(as_json, made.model_dump(mode="json"), _backup(made))


def restore(
    source: Annotated[Path, typer.Argument(help="The file that `heed backup` wrote.")],
    directory: Annotated[Path, typer.Argument(help="The folder; empty, or not there yet.")],
    as_json: Json = False,
) -> None:
    """Make a folder the workspace that was backed up."""
    from components.upkeep.restoring import restore as take_out

    done = take_out(source, directory)
    say(as_json, done.model_dump(mode="json"), _restored(done))


def gc(
    keep: Annotated[int, typer.Option("--keep", min=1, help="How many of the newest models of a kind stay.")] = 10,
    yes: Annotated[bool, typer.Option("--yes", help="Delete it; without, it is only shown.")] = False,
    place: Place = None,
    as_json: Json = False,
) -> None:
    """Delete old models and the data only they learned from; never what is in service or a rollback needs."""
    workspace = opened(place)
    from components.upkeep import collecting

    with collecting.alone(workspace):
        found = collecting.find(workspace, keep)
        told, words = _as_json(found, yes), _leftovers(found, yes)
        if yes:
            forget_results(workspace, found.steps)
            collecting.delete(workspace, found)
    say(as_json, told, words)


def _checks(found: "Sequence[Check]") -> str:
    lines = []
    for check in found:
        lines.append(f"{check.state:<8} {check.name:<14} {check.found}")
        if check.to_do:
            lines.append(f"{'':<23}  {check.to_do}")
    return "\n".join(lines)


def _backup(made: "Backup") -> str:
    lines = [f"{made.file}: {_size(made.bytes)}, {made.files:,} files."]
    lines += [f"  {part:<22} {_size(size):>10}" for part, size in made.parts.items()]
    lines.append(f"Dataset versions in it: {made.versions}, the last of them {made.dataset[:12]}.")
    lines += [f"Not in it: {sentence}." for sentence in made.elsewhere]
    lines.append(f"It holds what users said, and keys: keep it safe. Back: heed restore {made.file.name} DIR")
    return "\n".join(lines)


def _restored(done: "Restored") -> str:
    lines = [
        f"The workspace is in {done.root}: {done.files:,} files of {done.made}, every one as it was.",
        f"Dataset version {done.dataset[:12]}.",
    ]
    if done.resting:
        lines.append("Retraining starts by itself no more, because the folder has another name: run `heed schedule`.")
    lines.append("Next: heed doctor --workspace " + str(done.root))
    return "\n".join(lines)


def _as_json(found: "Leftovers", deleted: bool) -> dict[str, Any]:
    return {
        "models": [{"name": model.name, "version": model.version} for model in found.models],
        "datasets": list(found.datasets),
        "paths": [str(place) for place in (*found.folders, *found.files)],
        "bytes": found.bytes,
        "deleted": deleted,
    }


def _leftovers(found: "Leftovers", deleted: bool) -> str:
    if not found:
        return "There is nothing to delete."
    lines = [f"model      {model.name} version {model.version}" for model in found.models]
    lines += [f"dataset    {digest[:12]}" for digest in found.datasets]
    lines += [f"folder     {folder}" for folder in found.folders]
    lines.append(f"files      {len(found.files)} of the DVC cache, and what was made of them")
    if deleted:
        lines.append(f"Deleted: {_size(found.bytes)}.")
    else:
        lines.append(f"Together {_size(found.bytes)}. Nothing was deleted; `heed gc --yes` does.")
    return "\n".join(lines)


def _size(count: int) -> str:
    return f"{count / 10**6:,.1f} MB"
