"""Whether a SQLite database is damaged. Knows nothing of what is in it."""

import sqlite3
from contextlib import closing
from pathlib import Path

BEGINNING, WHOLE = "PRAGMA schema_version", "PRAGMA quick_check(1)"
"""What is asked for: that it can be opened at all, at once; or all of it, which takes as long as reading it."""

PATIENCE = 5.0
"""Seconds for which whoever writes is waited for."""


def damage(database: Path, asked: str = BEGINNING) -> str:
    """What is wrong with a database, in one line; empty where nothing is.

    Args:
        database: the file.
        asked: BEGINNING or WHOLE.
    """
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)) as opened:
            said = str(opened.execute(asked).fetchone()[0])
    except sqlite3.OperationalError as error:
        in_use = error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        said = "ok" if in_use else str(error)
    except sqlite3.DatabaseError as error:
        said = str(error)
    return "" if (asked == BEGINNING and said.isdigit()) or said == "ok" else " ".join(said.split())
