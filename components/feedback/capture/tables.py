"""The tables of the store, the same on SQLite and PostgreSQL. Knows the columns; knows nothing of who fills them."""

from sqlalchemy import BigInteger, Column, Double, Identity, Index, Integer, LargeBinary, MetaData, String, Table

TABLES = MetaData()

# A prefix, because a team's PostgreSQL database may hold an application's tables as well.
EVENTS = Table(
    "heed_events",
    TABLES,
    Column("position", BigInteger().with_variant(Integer(), "sqlite"), Identity(), primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("type", String, nullable=False, index=True),
    Column("about", String),
    # No index: an entry for every event costs a fifth of the speed, and only forgetting somebody looks here.
    Column("user", String),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,  # so that a position is not given again when the last event is forgotten
)
_ABOUT_ANY = EVENTS.c.about.is_not(None)
Index("ix_heed_events_about", EVENTS.c.about, sqlite_where=_ABOUT_ANY, postgresql_where=_ABOUT_ANY)

KEYS = Table(
    "heed_keys",
    TABLES,
    Column("name", String, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
)
