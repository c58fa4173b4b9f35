"""On a Ray cluster of two nodes the data stages give what they give without one, to the byte."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components import cluster
from components.config import Settings
from components.config.settings import Ray
from components.records.errors import BadInput
from components.simulation.population import Landed, scripted, talk
from components.upkeep import checks
from components.workspace import Workspace, pinning
from components.workspace.ahead import ahead
from components.workspace.creation import create
from tests.e2e.conftest import Heed
from tests.e2e.test_loop import events
from tests.flows.test_ingest import land

PIECES = 6


@pytest.fixture(scope="module")
def told() -> Landed:
    return talk(scripted(3), "scripted", 200, 3)


def where(_: int) -> tuple[str, int]:
    """The node and the process that something is done in."""
    import ray

    time.sleep(1)  # long enough that one node alone is not quicker
    return ray.get_runtime_context().get_node_id(), os.getpid()


def refuses(_: int) -> None:
    raise BadInput("a row is wrong", "rows.jsonl", "Mend it.")


def done_on(address: str) -> int:
    """How many tasks the cluster has done."""
    import ray

    with cluster.of(address):
        return sum(event["cat"].startswith("task::") for event in ray.timeline())


def bytes_of(workspace: Workspace) -> dict[str, str]:
    """File in `data/` to the hash of its bytes, whatever its batch is called."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in workspace.data.glob("*/*.parquet")}


def test_pieces_are_worked_on_by_all_nodes_and_come_back_in_order_and_as_themselves(ray_cluster: str) -> None:
    with cluster.of(ray_cluster):
        places = list(ahead(where, range(PIECES)))
        assert len({node for node, _ in places}) == 2
        assert os.getpid() not in {process for _, process in places}
        assert list(ahead(str, range(PIECES))) == ["0", "1", "2", "3", "4", "5"]
        for begin in (lambda: list(ahead(refuses, [0])), lambda: cluster.run(refuses, 0)):
            with pytest.raises(BadInput, match="a row is wrong") as refused:
                begin()
            assert type(refused.value) is BadInput
            assert (refused.value.where, refused.value.fix) == ("rows.jsonl", "Mend it.")
        given = cluster.run(np.zeros, 100_000)
        given += 1  # as large arrays that come straight from Ray do not allow
    assert list(ahead(os.getppid().__add__, [0])) == [os.getppid()]  # outside of the block all is done here


@pytest.mark.parametrize("parts", [1, 3])
def test_landing_on_a_cluster_gives_the_same_bytes(ray_cluster: str, told: Landed, tmp_path: Path, parts: int) -> None:
    here, there = (create(tmp_path / name, "# a gate policy\n") for name in ("here", "there"))
    landed = land(here, told.interactions, told.feedback, parts)
    with cluster.of(ray_cluster):
        assert land(there, told.interactions, told.feedback, parts) == landed
    assert landed["preferences"] > 50
    assert bytes_of(here) == bytes_of(there)
    assert pinning.pinned_hash(here) != pinning.pinned_hash(create(tmp_path / "empty", "# a gate policy\n"))


def test_the_command_line_lands_and_examines_on_a_cluster(
    ray_cluster: str, heed_in: Callable[[Path], Heed], server: str, tmp_path: Path
) -> None:
    events(tmp_path / "events.jsonl", 60)
    hashes, verdicts, before = [], [], done_on(ray_cluster)
    for name, address in (("here", ""), ("there", ray_cluster)):
        heed = replace(heed_in(create(tmp_path / name, "# a gate policy\n").root), api=server)
        hashes.append(heed.json("ingest", "../events.jsonl", "--set", f"ray.address={address}")["dataset"])
        verdicts.append(heed.json("report", "--set", f"ray.address={address}"))
    assert hashes[0]["hash"] == hashes[1]["hash"]
    assert verdicts[0]["measures"] == verdicts[1]["measures"]
    # Reading, judging, making, learning what to doubt, judging again; of the examination two more.
    assert done_on(ray_cluster) - before >= 7


def test_doctor_tells_whether_the_cluster_answers(ray_cluster: str, tmp_path: Path) -> None:
    settings = [Settings(ray=Ray(address=address)) for address in (ray_cluster, "127.0.0.1:1")]
    assert checks.ray(Workspace(tmp_path, settings[0])) == checks.ok(f"{ray_cluster} answers: 2 nodes, 2 CPUs, 0 GPUs")
    with pytest.raises(BadInput, match=r"no Ray cluster answers at '127.0.0.1:1': .*Connection refused"):
        checks.ray(Workspace(tmp_path, settings[1]))
