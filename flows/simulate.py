"""Simulate: users talk to the model in service, through the capture service; what they leave lands like anybody's."""

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from prefect import flow, task

from components.feedback.capture.store import Store
from components.feedback.client import AsyncClient
from components.progress import step
from components.records.errors import BadInput
from components.records.messages import Message
from components.registry import models
from components.simulation.conversing import converse
from components.simulation.population import FLIPPED, Person, scripted, sittings, talk
from components.simulation.session import Answer
from components.workspace import Workspace
from flows.collect import collect
from flows.ingest import Landing, hear

LONGEST = 64  # tokens; no answer of the simulated world needs more
PATIENCE = 300.0  # seconds that a user waits for an answer on a busy machine


@flow(name="simulate", validate_parameters=False)
def simulate(workspace: Workspace, conversations: int, seed: int) -> Landing:
    """Users ask, read and react: with the champion or the base model as any user would, else with a script."""
    if models.at_alias(workspace, models.POLICY, models.CHAMPION) or workspace.base_model:
        task(name="talk")(_talk)(workspace, conversations, seed)
        return collect(workspace)
    told = task(name="talk")(talk)(scripted(seed), "scripted", conversations, seed)
    return hear(workspace, told.interactions, told.feedback, f"{conversations} simulated conversations with a script")


@dataclass(frozen=True)
class _Service:
    url: str
    key: str | None


def _talk(workspace: Workspace, conversations: int, seed: int) -> None:
    label = "Users talk to the model"
    with _serving(workspace) as service, step(label, total=conversations) as advance:
        asyncio.run(_hold(service, conversations, seed, advance))


async def _hold(service: _Service, conversations: int, seed: int, advance: Callable[[int], None]) -> None:
    headers = {"heed-key": service.key} if service.key else {}
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(base_url=service.url, headers=headers, timeout=PATIENCE, limits=limits) as web,
        AsyncClient(service.url, service.key) as heed,
    ):

        async def ask(person: Person, prompt: list[Message], seed: int) -> Answer:
            body = {"messages": prompt, "max_tokens": LONGEST, "temperature": 1.0, "seed": seed}
            named = {"heed-user": person.name, "heed-group": person.group}
            reply = await web.post("/v1/chat/completions", json=body, headers=named)
            if reply.is_error:
                raise BadInput(f"the service does not answer: {reply.text}", service.url, "See its log.")
            said = reply.json()["choices"][0]["message"]["content"]
            return Answer(said, reply.headers["heed-interaction"])

        def tell(event: dict[str, Any]) -> None:
            heed.feedback(**{name: value for name, value in event.items() if name != "type"})

        await converse(sittings(conversations, seed, FLIPPED), ask, tell, seed, advance)
        if not await heed.flush(PATIENCE):
            raise BadInput("not all feedback was taken", service.url, "See its log.")


@contextmanager
def _serving(workspace: Workspace) -> Iterator[_Service]:
    """The capture service of this workspace, as a process of its own on any free port."""
    command = [sys.executable, "-m", "flows.cli", "serve", "--workspace", str(workspace.root), "--json"]
    with step("Start the capture service", remember=False):
        process = subprocess.Popen([*command, "--set", "capture.port=0"], stdout=subprocess.PIPE, text=True)
        assert process.stdout
        told = process.stdout.readline()
    try:
        if not told:
            raise BadInput("the capture service did not start", workspace.root, "Run `heed serve` to see why.")
        with closing(Store(workspace.capture_store)) as store, _key(store) as key:
            yield _Service(json.loads(told)["url"], key)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _key(store: Store) -> Iterator[str | None]:
    """A key for as long as it is needed; None where the service asks for none, as the first would make it ask."""
    if store.keys() == []:
        yield None
        return
    name = f"simulated users {secrets.token_hex(4)}"
    try:
        yield store.add_key(name, ["write"])
    finally:
        store.revoke_key(name)
