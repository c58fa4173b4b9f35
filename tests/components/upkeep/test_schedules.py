"""What was on a schedule rests after a restore into a folder of another name, and goes on in one of the same."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from components.upkeep.backup import back_up
from components.upkeep.restoring import restore
from components.workspace import Workspace

SCHEDULED = """
from datetime import datetime, timedelta, timezone
from uuid import uuid4
import asyncio
from prefect.server import models, schemas
from prefect.server.database import provide_database_interface
from prefect.server.schemas.core import Deployment, Flow, FlowRun
from prefect.server.schemas.actions import DeploymentScheduleCreate
from prefect.server.schemas.schedules import IntervalSchedule
from prefect.server.schemas.states import Scheduled

async def main():
    database = provide_database_interface()
    await database.create_db()
    async with database.session_context(begin_transaction=True) as session:
        flow = await models.flows.create_flow(session, Flow(name="retrain"))
        for name in ("work", "another"):
            deployment = await models.deployments.create_deployment(session, Deployment(name=name, flow_id=flow.id))
            hourly = IntervalSchedule(interval=timedelta(hours=1))
            made = DeploymentScheduleCreate(active=True, schedule=hourly)
            await models.deployments.create_deployment_schedules(session, deployment.id, [made])
            run = FlowRun(flow_id=flow.id, deployment_id=deployment.id, auto_scheduled=True, state=Scheduled())
            await models.flow_runs.create_flow_run(session, run)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of Prefect's with two deployments, each on a schedule with a run ahead."""
    home = tmp_path_factory.mktemp("prefect")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = kept | {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    done = subprocess.run(
        [sys.executable, "-c", SCHEDULED], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return home / "prefect.db"


def on_schedule(database: Path) -> dict[str, tuple[int, int]]:
    """Name of a deployment to whether its schedule is active, and how many runs are ahead."""
    query = """
        SELECT d.name, s.active, (SELECT count(*) FROM flow_run r WHERE r.deployment_id = d.id)
        FROM deployment d JOIN deployment_schedule s ON s.deployment_id = d.id
    """
    with closing(sqlite3.connect(database)) as connection:
        return {name: (active, ahead) for name, active, ahead in connection.execute(query)}


@pytest.mark.parametrize(("name", "resting", "left"), [("other", True, (0, 0)), ("elsewhere/work", False, (1, 1))])
def test_schedules_go_by_the_name_of_the_folder(
    workspace: Workspace, prefect: Path, tmp_path: Path, name: str, resting: bool, left: tuple[int, int]
) -> None:
    workspace.prefect_home.mkdir()
    shutil.copy(prefect, workspace.prefect_home / "prefect.db")
    assert on_schedule(workspace.prefect_home / "prefect.db") == {"work": (1, 1), "another": (1, 1)}
    done = restore(back_up(workspace, tmp_path / "work.tar.zst").file, tmp_path / name)
    assert done.resting is resting
    assert on_schedule(done.root / ".heed" / "prefect" / "prefect.db") == {"work": left, "another": (1, 1)}
