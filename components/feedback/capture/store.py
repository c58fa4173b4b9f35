"""The durable store of events and of the keys that may send them. Knows nothing of HTTP, nor of what events say."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from components.feedback.capture.database import Database, StoreDown
from components.feedback.capture.tables import EVENTS, KEYS, TABLES
from components.records.errors import BadInput

__all__ = ["Event", "Kept", "Key", "Store", "StoreDown"]

SCOPES = ("read", "write")
TOKEN_PREFIX = "heed_"

AT_ONCE = 500
"""Events in one statement: row by row, SQLite's driver would hand the interpreter over at each, and wait for it."""


class Event(NamedTuple):
    """An event as it is kept. A tuple, because most of what is asked of this service is to make many of them quickly.

    Attributes:
        id: 1 to 200 characters; the first event of an id is the one that is kept.
        type: interaction, feedback or shadow.
        about: for feedback, the id of the interaction.
        user: the keyed hash that stands for them.
        body: one line of JSON as the reader "heed" takes it, masked, its user hashed.
    """

    id: str
    type: str
    about: str | None
    user: str | None
    body: bytes

    @property
    def storable(self) -> bool:
        """False where one of the texts has a NUL or half of a surrogate pair in it: PostgreSQL cannot keep those."""
        return _storable("".join(name for name in self[:-1] if name))


@dataclass(frozen=True, slots=True)
class Kept:
    """The body of an event and its place in the order in which events were committed."""

    position: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its name; the key itself is known only to whom it was given."""

    name: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None


class Store:
    """Events and keys in SQLite or PostgreSQL, for any number of threads and processes.

    Every method raises `StoreDown` where the database does not answer.

    Args:
        url: sqlite:///path or postgresql://user:password@host:port/database; tables are made where they are missing.

    Raises:
        BadInput: the URL is wrong, or there is no such database to be opened.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url, TABLES)

    def append(self, events: Sequence[Event]) -> list[bool]:
        """Keep events, all of them or, where this raises, none; they are on disk when it returns.

        Returns:
            For each event whether it is new. False: an event with its id was there, or came earlier in this call.

        Raises:
            ValueError: one is not storable.
        """
        if not events:
            return []
        if not all(event.storable for event in events):
            raise ValueError("an id may hold neither NUL characters nor halves of surrogate pairs")
        with self._database.writing() as connection:
            inserted = sum(
                _insert(connection, events[start : start + AT_ONCE]) for start in range(0, len(events), AT_ONCE)
            )
            if inserted in (0, len(events)):
                return [inserted > 0] * len(events)
            # Only who has the turn writes, so the newest rows are the ones of this transaction.
            newest = select(EVENTS.c.id).order_by(EVENTS.c.position.desc()).limit(inserted)
            new = set(connection.scalars(newest))
        return [_taken(new, event.id) for event in events]

    def after(self, position: int, limit: int) -> list[Kept]:
        """Up to `limit` events committed after a position, in the order of their positions.

        None is ever committed at a position below one that could be seen already.
        """
        query = (
            select(EVENTS.c.position, EVENTS.c.body)
            .where(EVENTS.c.position > position)
            .order_by(EVENTS.c.position)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [Kept(*row) for row in connection.execute(query)]

    def shadows_after(self, position: int) -> list[bytes]:
        """The bodies of what a shadow answered and was committed after a position, in order."""
        query = (
            select(EVENTS.c.body)
            .where(EVENTS.c.type == "shadow", EVENTS.c.position > position)
            .order_by(EVENTS.c.position)
        )
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    def feedback_after(self, position: int) -> int:
        """How many pieces of feedback were committed after a position."""
        query = select(func.count()).where(EVENTS.c.position > position, EVENTS.c.about.is_not(None))
        with self._database.reading() as connection:
            return connection.scalar(query) or 0

    def last(self) -> int:
        """The position of the last event, 0 where there is none; it falls back if that event is forgotten."""
        with self._database.reading() as connection:
            return connection.scalar(select(func.max(EVENTS.c.position))) or 0

    def event(self, id: str) -> bytes | None:
        """The body of the event of this id."""
        if not _storable(id):
            return None
        with self._database.reading() as connection:
            return connection.scalar(select(EVENTS.c.body).where(EVENTS.c.id == id))

    def about(self, interaction_id: str) -> list[bytes]:
        """The feedback about an interaction, in the order it came."""
        if not _storable(interaction_id):
            return []
        query = select(EVENTS.c.body).where(EVENTS.c.about == interaction_id).order_by(EVENTS.c.position)
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    def counts(self) -> dict[str, int]:
        """How many events there are of each type."""
        with self._database.reading() as connection:
            rows = connection.execute(select(EVENTS.c.type, func.count().label("events")).group_by(EVENTS.c.type))
            return {row.type: row.events for row in rows}

    def forget(self, user: str) -> int:
        """Delete every event of a user, from the database's files too; that takes time in proportion to their size.

        What nobody in particular said about this user's interactions counts as theirs. What others said stays: it is
        theirs, and the words it is about are gone.

        Args:
            user: the keyed hash that stands for them.

        Returns:
            How many events there were.

        Raises:
            StoreDown: also where they are deleted but may not be out of the files yet; call it again.
        """
        if not _storable(user):
            return 0
        with self._database.writing() as connection:
            theirs, held = EVENTS.c.user == user, EVENTS.alias()
            about_theirs = EVENTS.c.about.in_(select(held.c.id).where(held.c.user == user)) & EVENTS.c.user.is_(None)
            # What is about theirs goes first: afterwards nobody could tell whose it is.
            deleted = sum(
                connection.execute(EVENTS.delete().where(chosen)).rowcount for chosen in (about_theirs, theirs)
            )
        self._database.erase()
        return deleted

    def check(self) -> None:
        """Raise `StoreDown` unless the store can take events now."""
        with self._database.writing():
            pass

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def add_key(self, name: str, scopes: Collection[str]) -> str:
        """Make a key.

        Args:
            name: what to call it, 1 to 100 characters.
            scopes: what it may do, of `SCOPES`.

        Returns:
            The key itself; it is kept nowhere and cannot be shown again.

        Raises:
            BadInput: there is a key of this name, revoked or not, or the name or a scope will not do.
        """
        if not (name.strip() and len(name) <= 100 and name.isprintable() and _storable(name)):
            raise BadInput("this will not do as the name of a key", repr(name), "Choose 1 to 100 plain characters.")
        if not scopes or not set(scopes) <= set(SCOPES):
            given = ", ".join(sorted(scopes)) or "none"
            raise BadInput(f"a key cannot have these scopes: {given}", name, f"Choose of {', '.join(SCOPES)}.")
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        row = {"name": name, "hash": _hash(token), "scopes": " ".join(sorted(set(scopes))), "created_at": time.time()}
        with self._database.writing() as connection:
            taken = connection.scalar(select(KEYS.c.name).where(KEYS.c.name == name)) is not None
            if not taken:
                connection.execute(KEYS.insert(), row)
        if taken:
            raise BadInput("there is, or was, a key of this name", name, "Choose another name.")
        return token

    def keys(self) -> list[Key]:
        """All keys, the revoked ones too, in the order they were made."""
        with self._database.reading() as connection:
            rows = connection.execute(select(KEYS).order_by(KEYS.c.created_at, KEYS.c.name)).all()
        return [_key(row.name, row.scopes, row.created_at, row.revoked_at) for row in rows]

    def revoke_key(self, name: str) -> bool:
        """Take a key back for good; False where no valid one has this name."""
        if not _storable(name):
            return False
        valid = (KEYS.c.name == name) & KEYS.c.revoked_at.is_(None)
        with self._database.writing() as connection:
            return connection.execute(KEYS.update().where(valid).values(revoked_at=time.time())).rowcount > 0

    def key(self, token: str) -> Key | None:
        """The key a caller shows; None where it is not, or no longer, one."""
        hashed = _hash(token)
        query = select(KEYS).where(KEYS.c.hash == hashed, KEYS.c.revoked_at.is_(None))
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or not hmac.compare_digest(bytes(row.hash), hashed):
            return None
        return _key(row.name, row.scopes, row.created_at, row.revoked_at)


def _taken(new: set[str], id: str) -> bool:
    """Whether an id is among the new ones; it is so once."""
    if id not in new:
        return False
    new.remove(id)
    return True


def _storable(name: str) -> bool:
    if name.isascii():
        return "\0" not in name
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name


def _hash(token: str) -> bytes:
    # One round of SHA-256: a key has 256 random bits, so there is nothing to guess that a slow hash would protect.
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _insert(connection: Connection, events: Sequence[Event]) -> int:
    """Insert the events that are not there yet; returns how many they were."""
    # As text, because SQLAlchemy compiles an insert that minds conflicts anew each time.
    row = "(%s, %s, %s, %s, %s)" if connection.dialect.name == "postgresql" else "(?, ?, ?, ?, ?)"
    statement = (
        f'INSERT INTO heed_events (id, type, about, "user", body) VALUES {", ".join([row] * len(events))} '
        "ON CONFLICT (id) DO NOTHING"
    )
    return connection.exec_driver_sql(statement, tuple(chain.from_iterable(events))).rowcount


def _key(name: str, scopes: str, created_at: float, revoked_at: float | None) -> Key:
    return Key(
        name=name,
        scopes=frozenset(scopes.split()),
        created_at=datetime.fromtimestamp(created_at, UTC),
        revoked_at=None if revoked_at is None else datetime.fromtimestamp(revoked_at, UTC),
    )
