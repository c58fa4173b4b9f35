"""What tests share. They need nothing but a clone; those that can use more skip, and say why."""

import os
from pathlib import Path

import pytest

# Before anything imports torch: as the command line does (see `flows.engine.settle`).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public data: SHARED_DATA, or `shared/data` beside the repository."""
    folder = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set SHARED_DATA to the folder that holds hh-rlhf/")
    return folder


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For runs in several processes: what is dear to make is made in one of them, and the longest tests begin.

    First of all, because pytest-xdist looks at the groups when its own turn comes.
    """
    items.sort(key=lambda item: "e2e" not in item.path.parts)
    for item in items:
        together = "training" if "training" in item.path.parts else str(item.path)
        item.add_marker(pytest.mark.xdist_group(together))
