"""A team's servers, as infra/ puts them into containers, here without: PostgreSQL, an S3 server, the same commands."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import httpx
import psycopg
import pytest

from components.simulation.population import scripted, talk
from tests.e2e.conftest import REPOSITORY, Heed
from tests.e2e.test_up import ANYTHING_GOES, SETTINGS, until
from tests.postgres import Postgres

pytestmark = pytest.mark.timeout(600)

INFRA = REPOSITORY / "infra"
ADMIN = ("ada", "a-password-with-100%")
PREFECT_ADMIN = ("heed", "another-password")
REMOTE, ARTIFACTS = "s3://dvc/team", "s3://mlflow/artifacts"


@dataclass(frozen=True)
class Running:
    """`heed up --only …`, and where it answers."""

    process: "subprocess.Popen[str]"
    addresses: dict[str, str]

    @classmethod
    def of(cls, heed: Heed, *names: str) -> "Running":
        process = heed.start("up", "--json", *(f"--only={name}" for name in names))
        assert process.stdout
        assert process.stderr
        line = process.stdout.readline()
        assert line, process.stderr.read()[-3000:]
        return cls(process, json.loads(line))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=90)


@dataclass(frozen=True)
class Team:
    """Everything, as a machine of one's own sees it.

    Attributes:
        heed: the command line there.
        addresses: of the servers, by name.
        key: of the application, to the capture service.
        bucket: a client of the S3 server.
        databases: the PostgreSQL server.
    """

    heed: Heed
    addresses: dict[str, str]
    key: str
    bucket: Any
    databases: Postgres

    def mlflow(self, path: str, **asked: str) -> httpx.Response:
        """As MLflow's API tells the administrator."""
        return httpx.get(f"{self.addresses['mlflow']}/api/2.0/{path}", params=asked, auth=ADMIN, timeout=30)

    def ended(self, flow: str) -> list[dict[str, Any]]:
        """As Prefect's API tells whoever has its password: well or not."""
        ends = {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}
        wanted = {"flows": {"name": {"any_": [flow]}}, "flow_runs": {"state": {"type": ends}}}
        address = f"{self.addresses['prefect']}/api/flow_runs/filter"
        return httpx.post(address, json=wanted, auth=PREFECT_ADMIN, timeout=30).json()

    def held(self, place: str) -> set[str]:
        """What lies in the bucket below an address."""
        bucket, _, path = place.removeprefix("s3://").partition("/")
        pages = self.bucket.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{path}/")
        return {found["Key"].removeprefix(f"{path}/") for page in pages for found in page.get("Contents", [])}

    def tables(self, database: str) -> set[str]:
        with psycopg.connect(self.databases.url(database)) as connection:
            return {name for (name,) in connection.execute("select tablename from pg_tables").fetchall()}


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An S3 server; yields what its clients find in the environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = (tmp_path_factory.mktemp("s3") / "log").open("wb")
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        until(lambda: _listens(port), 180)
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "heed",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        process.terminate()
        process.wait()
        said.close()


@pytest.fixture(scope="module")
def team(
    tmp_path_factory: pytest.TempPathFactory,
    heed_in: Callable[[Path], Heed],
    postgres: Postgres,
    s3: dict[str, str],
) -> Iterator[Team]:
    for statement in (INFRA / "kubernetes" / "databases.sql").read_text().split(";")[:-1]:
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute(statement)
    root = tmp_path_factory.mktemp("volume") / "team"
    everybody = s3 | {
        "HEED_WORKSPACE": str(root),
        "HEED_CAPTURE_STORE": postgres.url("feedback"),
        "HEED_CAPTURE_SECRET": "a key of the hash",
        "HEED_CAPTURE_HOST": "0.0.0.0",
        "PREFECT_API_AUTH_STRING": ":".join(PREFECT_ADMIN),
    }
    servers = replace(
        heed_in(root.parent),
        told=everybody
        | {
            "HEED_MLFLOW_TRACKING_URI": _sql("postgresql+psycopg", postgres.url("mlflow")),
            "HEED_MLFLOW_ARTIFACTS": ARTIFACTS,
            "HEED_SERVERS_MLFLOW_AUTH": "true",
            "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN[0],
            "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "a key of the forms",
            "MLFLOW_SERVER_ALLOWED_HOSTS": "mlflow:5000,127.0.0.1:*",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": _sql("postgresql+asyncpg", postgres.url("prefect")),
            "PREFECT_SERVER_API_AUTH_STRING": ":".join(PREFECT_ADMIN),
        },
    )
    _begin(servers)
    (root / "heed.toml").write_text(SETTINGS)
    (root / "mlflow" / "gate.toml").write_text(ANYTHING_GOES)
    first = Running.of(servers, "prefect", "mlflow")
    others = replace(
        servers,
        told=everybody
        | {
            "HEED_MLFLOW_TRACKING_URI": first.addresses["mlflow"],
            "MLFLOW_TRACKING_USERNAME": ADMIN[0],
            "MLFLOW_TRACKING_PASSWORD": ADMIN[1],
        },
        api=f"{first.addresses['prefect']}/api",
    )
    key = others.json("keys", "add", "web-app", "--scope", "write")["key"]
    try:
        second = Running.of(others, "capture", "watch", "data-worker", "training-worker")
        try:
            bucket = boto3.client(
                "s3",
                endpoint_url=s3["AWS_ENDPOINT_URL"],
                aws_access_key_id=s3["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=s3["AWS_SECRET_ACCESS_KEY"],
                region_name=s3["AWS_DEFAULT_REGION"],
            )
            yield Team(others, first.addresses | second.addresses, key, bucket, postgres)
        finally:
            second.stop()
    finally:
        first.stop()


def test_begun_twice_nothing_changes(team: Team) -> None:
    before = _git(team.heed.root / "team", "rev-parse", "HEAD")
    _begin(replace(team.heed, told={**team.heed.told, "HEED_MLFLOW_ARTIFACTS": ARTIFACTS}))
    assert _git(team.heed.root / "team", "rev-parse", "HEAD") == before


def test_who_has_no_password_is_turned_away_and_who_checks_health_is_not(team: Team) -> None:
    experiments = f"{team.addresses['mlflow']}/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"
    assert httpx.get(experiments).status_code == 401
    assert httpx.get(experiments, auth=(ADMIN[0], "guessed")).status_code == 401
    assert httpx.get(experiments, auth=ADMIN, headers={"host": "mlflow:5000"}).status_code == 200
    assert httpx.get(experiments, auth=ADMIN, headers={"host": "evil.example"}).status_code == 403
    flows = f"{team.addresses['prefect']}/api/flows/filter"
    assert httpx.post(flows, json={}).status_code == 401
    assert httpx.post(flows, json={}, auth=PREFECT_ADMIN).status_code == 200
    feedback = {"interaction": "any", "kind": "thumb", "score": 1}
    assert httpx.post(f"{team.addresses['capture']}/v1/feedback", json=feedback).status_code == 401
    assert httpx.get(f"{team.addresses['mlflow']}/health").is_success
    assert httpx.get(f"{team.addresses['prefect']}/api/health").is_success


def test_every_service_says_to_its_container_that_it_is_well(team: Team) -> None:
    ports = {
        "HEED_SERVERS_PREFECT_PORT": httpx.URL(team.addresses["prefect"]).port,
        "HEED_SERVERS_MLFLOW_PORT": httpx.URL(team.addresses["mlflow"]).port,
        "HEED_CAPTURE_PORT": httpx.URL(team.addresses["capture"]).port,
        "HEED_SERVERS_METRICS_PORT": httpx.URL(team.addresses["watch"]).port,
    }
    environment = team.heed.environment | {name: str(port) for name, port in ports.items()}

    def well(name: str, **otherwise: str) -> bool:
        asked = [sys.executable, "-m", "flows.alive", name]
        return subprocess.run(asked, env=environment | otherwise, check=False).returncode == 0

    assert [well(name) for name in ("prefect", "mlflow", "capture", "watch", "data-worker", "training-worker")] == [
        True
    ] * 6
    assert not well("capture", HEED_CAPTURE_PORT="9")
    assert not well("training-worker", PREFECT_API_AUTH_STRING="nobody:nothing")


def test_feedback_becomes_a_champion_and_all_of_it_is_where_the_team_keeps_it(team: Team) -> None:
    team.heed.json("schedule", "--on-feedback", "100", "--at-most-every", "10m")
    told = talk(scripted(3), "some-model", 200, 3)
    lines = [{"type": "interaction", **row} for row in told.interactions.to_dicts()]
    lines += [{"type": "feedback", **row} for row in told.feedback.to_dicts()]
    body = "\n".join(json.dumps(line, default=str) for line in lines)
    head = {"content-type": "application/x-ndjson", "authorization": f"Bearer {team.key}"}
    heard = httpx.post(f"{team.addresses['capture']}/v1/batch", content=body, headers=head, timeout=60)
    assert heard.is_success, heard.text
    until(lambda: team.ended("retrain"), 400)
    [run] = team.ended("retrain")
    assert run["state_type"] == "COMPLETED", run["state"]["message"]

    champion = team.mlflow("mlflow/registered-models/alias", name="heed-policy", alias="champion").json()
    assert champion["model_version"]["version"] == "2"
    tags = {tag["key"]: tag["value"] for tag in champion["model_version"]["tags"]}
    digest = tags["heed.dataset"].removesuffix(".dir")
    assert f"files/md5/{digest[:2]}/{digest[2:]}.dir" in team.held(REMOTE)
    assert any(key.endswith(".safetensors") for key in team.held(ARTIFACTS))
    assert not list((team.heed.root / "team" / ".heed").glob("*.db"))  # neither MLflow's, nor the service's
    assert {"flow_run", "automation"} <= team.tables("prefect")
    assert {"model_versions", "users"} <= team.tables("mlflow")
    assert "heed_events" in team.tables("feedback")


def test_another_machine_that_has_only_the_addresses_sees_and_loads_the_same(team: Team, tmp_path: Path) -> None:
    clone = tmp_path / "team"
    subprocess.run(["git", "clone", "--quiet", team.heed.root / "team", clone], check=True)
    told = {name: value for name, value in team.heed.told.items() if name != "HEED_WORKSPACE"}
    mine = replace(team.heed, root=clone, told=told)
    pulled = subprocess.run(
        [sys.executable, "-m", "dvc", "pull", "--quiet"], cwd=clone, env=mine.environment, check=False
    )
    assert pulled.returncode == 0
    assert mine.json("status")["champion"] == team.heed.json("status")["champion"]


def _begin(heed: Heed) -> None:
    environment = heed.environment | {"DVC_REMOTE": REMOTE}
    subprocess.run([sys.executable, INFRA / "begin.py"], env=environment, check=True, timeout=120)


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


def _sql(dialect: str, url: str) -> str:
    return url.replace("postgresql", dialect, 1)


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
