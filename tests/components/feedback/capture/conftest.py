"""Stores to test on: SQLite, and a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.feedback.capture.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store, on each of the databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'capture.db'}"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store, on each of the databases."""
    store = Store(store_url)
    yield store
    store.close()
