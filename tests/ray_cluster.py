"""A Ray cluster of two nodes with one CPU each, started as a person starts one."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _started(*arguments: str) -> "subprocess.Popen[bytes]":
    told = os.environ | {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    ray = str(Path(sys.executable).with_name("ray"))
    command = [ray, "start", "--num-cpus=1", "--num-gpus=0", "--block", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """Yields the address of its head."""
    ray = pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    address = f"{ray.util.get_node_ip_address()}:{port}"
    folder = tempfile.mkdtemp(prefix="ray-")  # short: sockets are in it
    head = _started("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}")
    nodes = [head]
    try:
        _wait(address, 1)
        nodes.append(_started(f"--address={address}"))
        _wait(address, 2)
        yield address
    finally:
        for node in reversed(nodes):
            node.terminate()
        for node in nodes:
            node.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(address: str, nodes: int) -> None:
    from components import cluster
    from components.records.errors import BadInput

    until = time.monotonic() + 90
    while True:
        try:
            with cluster.of(address):
                if cluster.resources()[:2] == (nodes, nodes):
                    return
        except BadInput:
            assert time.monotonic() < until, "no cluster came up"
        assert time.monotonic() < until, "the second node did not come up"
        time.sleep(0.2)
