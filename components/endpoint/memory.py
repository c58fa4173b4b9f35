"""Remembers what language models answered, in a SQLite file that several processes may use at once.

Knows nothing of where the answers come from.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from components.endpoint.outcomes import Answer, Outcome, Unanswered, by_model
from components.records.errors import BadInput

PATIENCE = 60  # seconds to wait for another process that writes
TABLE = """
    create table if not exists answers (
        key text primary key, model text not null, text text, reason text,
        answered_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) without rowid
"""


class Memory:
    """Outcomes by the key of what was asked; what is kept is on disk when `keep`, or the block `at_once`, is done.

    Only what the model itself said or would not say is kept: a server that failed may answer the next time.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def recall(self, keys: Sequence[str]) -> list[Outcome | None]:
        """The outcome of each key, None where nothing is remembered."""
        asked = "select text, reason from answers where key = ?"
        rows = (self.db.execute(asked, (key,)).fetchone() for key in keys)
        return [row and (Answer(row[0]) if row[1] is None else Unanswered(row[1], "model")) for row in rows]

    def keep(self, key: str, model: str, outcome: Outcome) -> None:
        """Remember an outcome, unless another time may bring another."""
        if not by_model(outcome):
            return
        text, reason = (outcome.text, None) if isinstance(outcome, Answer) else (None, outcome.reason)
        self.db.execute(
            "insert or replace into answers (key, model, text, reason) values (?, ?, ?, ?)", (key, model, text, reason)
        )

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Keep all that is kept in the block, or nothing, in one write."""
        self.db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.db.execute("rollback")
            raise
        self.db.execute("commit")


@contextmanager
def opened(file: Path) -> Iterator[Memory]:
    """The memory in a file, made where there is none.

    Raises:
        BadInput: the file is something else.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)) as db:
        try:
            db.execute(TABLE)
        except sqlite3.OperationalError:  # in use, read-only, disk full: nothing is wrong with the file
            raise
        except sqlite3.DatabaseError as error:
            fix = "Remove it: it only saves asking again."
            raise BadInput(f"not a memory of answers: {error}", file, fix) from None
        yield Memory(db)
