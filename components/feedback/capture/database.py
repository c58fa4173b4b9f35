"""SQLite or PostgreSQL behind one URL: opened, read, written in turn. Knows nothing of what is kept in it."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from components.records.errors import BadInput

PATIENCE = 10
"""Seconds to wait for a connection, an answer or a turn before the database counts as down."""

POSTGRES_PATIENCE = {"connect_timeout": PATIENCE, "tcp_user_timeout": PATIENCE * 1000}

WHERE = "capture.store"
SCHEMES = "Write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE."

SQLITE_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",  # a commit that returned survives a power cut
    "secure_delete = ON",  # what is deleted is overwritten
    "cache_size = -65536",  # KiB
    # In pages: events land all over the index of ids, and the longer the log the fewer pages are written twice.
    "wal_autocheckpoint = 16000",
)
SQLITE_TURN = ("BEGIN IMMEDIATE",)

POSTGRES_TURN = (
    f"SET LOCAL lock_timeout = '{PATIENCE}s'",
    "SELECT pg_advisory_xact_lock(x'68656564'::int)",  # "heed"
    # A server told to answer before it has written would have us acknowledge what a crash can lose.
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'",
)


class StoreDown(Exception):
    """The store cannot be reached or does not answer: nothing of what was asked may be taken for done."""


class Database:
    """An open database, for any number of threads and processes.

    Args:
        url: sqlite:///path or postgresql://user:password@host:port/database.
        tables: made where they are missing.

    Raises:
        BadInput: the URL is wrong, or there is no such database to be opened.
    """

    def __init__(self, url: str, tables: MetaData) -> None:
        address = _address(url)
        self._file = Path(address.database or "") if address.drivername == "sqlite" else None
        if self._file:
            self._identity = _made(self._file)
        self._engine = _engine(address)
        self._turn = threading.Lock()
        self._taking_turns = SQLITE_TURN if self._file else POSTGRES_TURN
        # Elsewhere only our own tables: an application may have its own beside them.
        self._vacuum = "VACUUM" if self._file else f"VACUUM {', '.join(tables.tables)}"
        try:
            with self.writing() as connection:
                tables.create_all(connection)
        except StoreDown as down:
            self.close()
            told = str(down).replace(address.password or "\0", "***")
            raise BadInput(
                f"the store cannot be opened: {told}", _shown(address), "Start the database or mend capture.store."
            ) from None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection, each statement of which sees what is committed by then.

        Raises:
            StoreDown: the database does not answer.
        """
        try:
            self._refuse_another_file()
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreDown(_in_one_line(error)) from None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection inside a transaction that has the database's only turn to write; committed at the end.

        Raises:
            StoreDown: the database does not answer, or gives no turn. The transaction is rolled back; where the
                answer to the commit itself was lost, it may be committed all the same.
        """
        # Threads queue here, where waking up is immediate; between processes SQLite polls for its lock.
        with self._turn, self.reading() as connection:
            for statement in self._taking_turns:
                connection.exec_driver_sql(statement)
            yield connection
            connection.commit()

    def erase(self) -> None:
        """Remove from the database's files what has been deleted, and keep writers waiting meanwhile.

        SQLite's are written anew, because pages that were rearranged have copies that deleting does not overwrite,
        and its log is emptied. PostgreSQL's backups and logs are its administrator's.

        Raises:
            StoreDown: somebody is in the way; what was deleted may still be in the files.
        """
        with self._turn, self.reading() as pooled:
            connection = pooled.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(self._vacuum)
            busy = bool(self._file) and connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        if busy:
            raise StoreDown("deleted, but another process keeps the log from being emptied of it")

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def _refuse_another_file(self) -> None:
        """SQLite would go on writing to a file that was deleted or replaced, where nobody can find it again."""
        if self._file and _identity(self._file) != self._identity:
            raise StoreDown(f"{self._file} was deleted or replaced; start the service again")


def file_of(url: str) -> Path | None:
    """The SQLite file behind a URL; None for PostgreSQL.

    Raises:
        BadInput: the URL is wrong.
    """
    address = _address(url)
    return Path(address.database or "") if address.drivername == "sqlite" else None


def shown(url: str) -> str:
    """A URL of a store without user, password and options.

    Raises:
        BadInput: the URL is wrong.
    """
    return _shown(_address(url))


def _address(url: str) -> URL:
    try:
        address = make_url(re.sub("^postgres(ql)?://", "postgresql+psycopg://", url))
    except (ArgumentError, ValueError):
        raise BadInput("this is not the URL of a store", WHERE, SCHEMES) from None
    if address.drivername not in ("sqlite", "postgresql+psycopg"):
        raise BadInput(f'there is no store for "{address.drivername}"', WHERE, SCHEMES)
    if address.drivername == "sqlite" and address.database in (None, "", ":memory:"):
        raise BadInput("a store in memory would lose what it has acknowledged", WHERE, SCHEMES)
    return address


def _made(file: Path) -> tuple[int, int]:
    """The file's identity; made, for nobody else to read, where it is missing."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise BadInput(
            f"the store cannot be opened: {error.strerror}", file, "Make its folder or mend capture.store."
        ) from None
    identity = _identity(file)
    assert identity
    return identity


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _engine(address: URL) -> Engine:
    arguments: dict[str, Any] = {"timeout": PATIENCE} if address.drivername == "sqlite" else POSTGRES_PATIENCE
    try:
        engine = create_engine(
            address,
            connect_args={key: value for key, value in arguments.items() if key not in address.query},
            isolation_level="AUTOCOMMIT" if address.drivername == "sqlite" else "READ COMMITTED",
            pool_pre_ping=address.drivername != "sqlite",  # connections to a server that restarted are dead
            pool_timeout=PATIENCE,
            hide_parameters=True,
        )
    except ImportError:
        raise BadInput(
            "PostgreSQL needs the driver psycopg", WHERE, 'Run `pip install "heed-mlops[postgres]"`.'
        ) from None
    if address.drivername == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _shown(address: URL) -> str:
    """A URL without user, password and options."""
    if address.drivername == "sqlite":
        return str(address.database)
    return f"postgresql://{address.host or ''}{f':{address.port}' if address.port else ''}/{address.database or ''}"


def _in_one_line(error: SQLAlchemyError) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())
