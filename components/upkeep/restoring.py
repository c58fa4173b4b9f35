"""A workspace taken out of a backup, into another folder: everything that says where it is, says where it is now."""

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel

from components.records.errors import BadInput
from components.upkeep.archive import unpack
from components.upkeep.backup import FORMAT
from components.workspace import find, pinning
from components.workspace.workspace import SETTINGS_FILE, known_as

WRITTEN_WITH_PLACES = ("artifacts/**/MLmodel", "checked/**/*.json")
"""Files of `.heed` that say where others are."""

TEXT = ("", "TEXT", "CLOB")


class Restored(BaseModel):
    """What was restored.

    Attributes:
        root: the workspace.
        made: when the backup was made, UTC.
        came_from: where the workspace was.
        dataset: content hash of the dataset version that is pinned.
        files: how many there are.
        resting: whether retraining was on a schedule there, which it is not here.
    """

    root: Path
    made: str
    came_from: Path
    dataset: str
    files: int
    resting: bool


def restore(source: Path, root: Path) -> Restored:
    """Make a folder the workspace that was backed up; it is there whole or not at all.

    Args:
        source: the backup.
        root: the folder, which is empty or not there yet.

    Raises:
        BadInput: the folder holds something, or the backup cannot be read, is damaged or is of a later heed.
    """
    if not source.is_file():
        raise BadInput("there is no such backup", source, "Name the file that `heed backup` made.")
    if root.is_symlink() or (root.exists() and not (root.is_dir() and not any(root.iterdir()))):
        raise BadInput("there is something here already", root, "Name a folder that is empty or not there yet.")
    root = root.resolve()
    root.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
    try:
        told = unpack(source, aside)
        if told.get("format") != FORMAT or not (aside / SETTINGS_FILE).is_file():
            raise BadInput("this heed cannot read this backup", source, f"Use heed {told.get('heed', '')} or newer.")
        came_from = Path(told["root"])
        resting = _settle(aside, came_from, root)
        aside.chmod(0o755)
        aside.replace(root)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    workspace = find(root)
    return Restored(
        root=root,
        made=told["made"],
        came_from=came_from,
        dataset=pinning.pinned_hash(workspace),
        files=len(told["files"]),
        resting=resting,
    )


def _settle(aside: Path, before: Path, now: Path) -> bool:
    """Mend every place that names the old folder; whether a schedule was put to rest."""
    state = aside / ".heed"
    for database in (state / "mlflow.db", state / "prefect" / "prefect.db"):
        if database.exists():
            _mend_database(database, before, now)
    for pattern in WRITTEN_WITH_PLACES:
        for file in state.glob(pattern):
            _mend_text(file, before, now)
    prefect = state / "prefect" / "prefect.db"
    return prefect.exists() and known_as(before) != known_as(now) and _rest(prefect, known_as(before))


def _mend_database(database: Path, before: Path, now: Path) -> None:
    """In every table, of all that begins with the old folder or its address, the beginning."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in list(_texts(connection)):
            for old, new in ((before.as_uri(), now.as_uri()), (str(before), str(now))):
                connection.execute(
                    f'UPDATE "{table}" SET "{column}" = ? || substr("{column}", ?) '
                    f'WHERE typeof("{column}") = \'text\' AND substr("{column}", 1, ?) = ?',
                    (f"{new}/", len(old) + 2, len(old) + 1, f"{old}/"),
                )


def _texts(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Every table and column that may hold a text."""
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for _, column, kind, *_ in connection.execute(f"PRAGMA table_info('{table}')").fetchall():
            if "CHAR" in kind.upper() or kind.upper() in TEXT:
                yield table, column


def _mend_text(file: Path, before: Path, now: Path) -> None:
    told = {before.as_uri(): now.as_uri(), str(before): str(now)}
    # The address first: the folder is a part of it.
    named = re.compile(f"({re.escape(before.as_uri())}|(?<![\\w./-]){re.escape(str(before))})(?=/)")
    text = file.read_text(encoding="utf-8")
    file.write_text(named.sub(lambda found: told[found[0]], text), encoding="utf-8")


def _rest(prefect: Path, name: str) -> bool:
    """Stop what Prefect starts by itself for a workspace: it goes by the folder's name, which is another one now."""
    theirs = "deployment_id IN (SELECT id FROM deployment WHERE name = ?)"
    with closing(sqlite3.connect(prefect)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        stopped = connection.execute(f"UPDATE deployment_schedule SET active = 0 WHERE active AND {theirs}", (name,))
        trigger = (f"heed: retrain {name} when %",)
        quiet = connection.execute("UPDATE automation SET enabled = 0 WHERE enabled AND name LIKE ?", trigger)
        # Prefect makes the runs of a schedule days ahead.
        connection.execute(
            f"DELETE FROM flow_run WHERE state_type = 'SCHEDULED' AND auto_scheduled AND {theirs}", (name,)
        )
    return bool(stopped.rowcount or quiet.rowcount)
