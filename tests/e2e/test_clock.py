"""A clock that jumps back: what Prefect has marked with a time that is to come holds no retraining up."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events import emit_event
from prefect.settings import PREFECT_API_URL, temporary_settings

from components.workspace import Workspace, find
from components.workspace.creation import create
from flows import deployments
from flows.deployments import Trigger
from flows.events import DUE, resource
from flows.watch import Overdue
from tests.e2e.test_up import until

AT_MOST_EVERY = 5.0


@pytest.fixture
def workspace(tmp_path: Path, server: str) -> Iterator[Workspace]:
    with temporary_settings({PREFECT_API_URL: server}):
        yield find(create(tmp_path / "clock", "").root)


def test_a_retraining_is_started_though_the_last_was_in_what_is_now_the_future(workspace: Workspace) -> None:
    deployments.deploy(workspace)
    with get_client(sync_client=True) as client:
        wanted = Trigger(feedback=1, drift=None, at_most_every=AT_MOST_EVERY)
        deployments.start_on_feedback(workspace, client, wanted)
        # As everything that was said before the clock went back by three hours.
        emit_event(DUE, resource(workspace), occurred=datetime.now(UTC) + timedelta(hours=3))
        until(lambda: started(workspace, client) == 1, 180)

        overdue = Overdue(grace=3.0)

        def still_due() -> int:
            emit_event(DUE, resource(workspace))
            overdue.look(workspace, client, due=True)
            return started(workspace, client)

        began = time.monotonic()
        until(lambda: still_due() == 2, 180)
        assert time.monotonic() - began > AT_MOST_EVERY + 3.0  # not by Prefect, nor sooner than it may
        assert deployments.trigger(workspace, client) == wanted


def started(workspace: Workspace, client: SyncPrefectClient) -> int:
    return len(deployments._runs(workspace, client, list(StateType)))
