"""What tests share. They need nothing but a clone; those that can use more skip, and say why."""

import os
from pathlib import Path

import pytest

from tests.browsing import browser
from tests.postgres import postgres
from tests.ray_cluster import ray_cluster
from tests.small_disk import small_disk

__all__ = ["browser", "postgres", "ray_cluster", "small_disk"]  # fixtures of all tests

# Before anything imports torch: as the command line does (see `flows.engine.settle`).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public data: SHARED_DATA, or `shared/data` beside the repository."""
    folder = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set SHARED_DATA to the folder that holds hh-rlhf/")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests begin, so that no process waits for another's at the end."""
    items.sort(key=lambda item: (item.path.name != "test_demo.py", "e2e" not in item.path.parts))
