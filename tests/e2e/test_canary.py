"""A challenger is tried on some users of the running service, and what they do decides whether it stays."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import mlflow
import numpy as np
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from components.encoder import Encoder
from components.feedback.capture.store import Store
from components.records.handles import Estimate, ModelVersion, Scorecard
from components.registry import canary, models, promotion
from components.tracking import client, experiment
from components.training import rewards, scratch
from components.training.rewards.features import FeatureReward
from components.workspace import Workspace, find, versions
from components.workspace.creation import create
from flows.promote import promote
from tests.components.feedback.live import until
from tests.e2e.conftest import Heed

POLICY = """
[[check]]
measure = "policy/win_rate"
at_least = 0.5

[[check]]
measure = "shadow/win_rate"
at_least = 0.45
needs = 50

[[check]]
measure = "live/approval"
at_least = -0.05
needs = 20
because = "users must not like it less"
"""
USERS = [f"user {number}" for number in range(240)]
LIKED = {"heed-policy/1": 0.5, "heed-policy/2": 0.1, "heed-policy/3": 0.95}
"""How likely a user is to give an answer of each model a thumb up, and not down."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, server: str) -> Iterator[Workspace]:
    """With three small policies, of which the first is the champion, and a reward model that likes all alike."""
    with temporary_settings({PREFECT_API_URL: server}):
        root = create(tmp_path_factory.mktemp("canary") / "tried", POLICY).root
        workspace = find(root, ("promotion.canary=[0.3]",))
        register(workspace, tmp_path_factory.mktemp("policies"))
        yield workspace


def register(workspace: Workspace, folder: Path) -> None:
    client(workspace)
    vocabulary = scratch.tokenizer(["Good morning, what would you like to know?"] * 20)
    vocabulary.save_pretrained(folder)
    dataset = versions.current(workspace)
    for seed in range(3):
        scratch.language_model(vocabulary, seed).save_pretrained(folder)
        with mlflow.start_run(experiment_id=experiment(workspace)) as run:
            pass
        models.register_policy(workspace, folder, run.info.run_id, dataset, f"step {seed}")
    encoder = Encoder("", None)
    width = encoder.layers * encoder.width
    one, none = np.ones(width, np.float32), np.zeros(width + encoder.width, np.float32)
    rewards.save(FeatureReward(encoder, none[:width], one, one[:2], none), folder / "reward")
    models.register_reward(workspace, folder / "reward", rewards.__name__, run.info.run_id, dataset, "reward")
    promotion.promote(workspace, version(workspace, 1), "the first")


def version(workspace: Workspace, number: int) -> ModelVersion:
    return models.version_named(workspace, number)


def champion(workspace: Workspace) -> int:
    found = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    assert found
    return found.version


def passes_the_gate(workspace: Workspace, number: int) -> None:
    """Let a version be decided on that won by the scorecard."""
    challenger, before = version(workspace, number), champion(workspace)
    won = Estimate(value=0.6, low=0.55, high=0.65, n=300)
    scorecard = Scorecard(
        challenger=challenger,
        champion=version(workspace, before),
        reward=models.versions(workspace, models.REWARD)[0],
        dataset=challenger.dataset,
        judge="reward",
        measures=dict.fromkeys(("policy/win_rate", "reward/accuracy", "reward/ece"), won),
        run_id=challenger.run_id,
    )
    assert promote(workspace, scorecard, f"inputs {number}").outcome == "try"
    assert champion(workspace) == before


@pytest.fixture(scope="module")
def heed(workspace: Workspace, heed_in: Callable[[Path], Heed], server: str) -> Heed:
    return Heed(workspace.root, heed_in(workspace.root).home, server)


@pytest.fixture(scope="module")
def service(heed: Heed) -> Iterator[str]:
    process = heed.start("serve", "--json", "--set", "capture.port=0", "--set", "evaluate.max_new_tokens=2")
    assert process.stdout
    yield json.loads(process.stdout.readline())["url"]
    process.terminate()
    process.wait()


def talk(service: str, seed: int) -> dict[str, set[str]]:
    """Every user asks twice and says what they make of it; who of them was answered by which model."""
    draw = np.random.default_rng(seed)
    answered: dict[str, set[str]] = defaultdict(set)

    async def ask(http: httpx.AsyncClient, user: str, turn: int) -> None:
        asked = {"messages": [{"role": "user", "content": f"{user} asks {seed} {turn}"}]}
        reply = await http.post("/v1/chat/completions", json=asked, headers={"heed-user": user})
        model = reply.json()["model"]
        answered[model].add(user)
        score = 1 if draw.random() < LIKED[model] else -1
        thumb = {"interaction": reply.headers["heed-interaction"], "kind": "thumb", "score": score, "user": user}
        assert (await http.post("/v1/feedback", json=thumb)).status_code == 201

    async def everybody() -> None:
        async with httpx.AsyncClient(base_url=service, timeout=120) as http:
            for turn in range(2):
                await asyncio.gather(*(ask(http, user, turn) for user in USERS))

    asyncio.run(everybody())
    return answered


def answering(service: str, users: int = 25) -> set[str]:
    """The models that answer some users now."""

    def one(user: str) -> str:
        asked = {"messages": [{"role": "user", "content": "Who is there?"}], "max_tokens": 1}
        reply = httpx.post(f"{service}/v1/chat/completions", json=asked, headers={"heed-user": user}, timeout=60)
        return str(reply.json()["model"])

    return {one(user) for user in USERS[:users]}


def test_what_users_dislike_is_rolled_back_by_itself(workspace: Workspace, heed: Heed, service: str) -> None:
    assert answering(service) == {"heed-policy/1"}
    passes_the_gate(workspace, 2)
    assert heed.json("canary")["outcome"] == "wait"  # nobody has got it yet
    until(lambda: len(answering(service)) == 2)
    answered = talk(service, 1)
    assert not answered["heed-policy/1"] & answered["heed-policy/2"]
    assert 50 <= len(answered["heed-policy/2"]) <= 95
    looked = heed.run("canary", "--json")
    assert looked.returncode == 3, looked.stderr
    told = json.loads(looked.stdout)
    assert told["outcome"] == "roll back"
    assert told["measures"]["live/approval"]["value"] == pytest.approx(-0.4, abs=0.13)
    until(lambda: answering(service) == {"heed-policy/1"})
    assert champion(workspace) == 1
    standing = heed.json("status")
    assert (standing["canary"], standing["decision"]) == (None, "refuse")


def test_what_is_no_worse_unseen_and_users_like_becomes_the_champion_by_itself(
    workspace: Workspace, heed: Heed, service: str
) -> None:
    passes_the_gate(find(workspace.root, ("promotion.shadow=1.0", "promotion.canary=[0.3]")), 3)
    shadowed = heed.json("status")["canary"]
    assert shadowed.startswith("heed-policy version 3 answers 100% of the users unseen (step 1 of 2")
    with closing(Store(workspace.capture_store)) as store:
        until(lambda: answering(service, 60) == {"heed-policy/1"} and store.counts().get("shadow", 0) >= 60)
    looked = heed.json("canary")
    assert looked["outcome"] == "next step"
    compared = looked["measures"]["shadow/win_rate"]
    assert compared["value"] == 0.5
    assert 50 <= compared["n"] <= 60
    assert 3 not in {int(model["version"]) for model in heed.json("gc", "--keep", "1")["models"]}
    until(lambda: answering(service) == {"heed-policy/1", "heed-policy/3"})
    talk(service, 2)
    assert heed.json("canary")["outcome"] == "promote"
    assert champion(workspace) == 3
    assert canary.running(workspace) is None
    until(lambda: answering(service) == {"heed-policy/3"})
    told = [(move["what"], move["version"], move["by"]) for move in heed.json("history")["moves"]]
    assert told[1:] == [
        ("try", 2, "the gate"),
        ("withdraw", 2, "the gate"),
        ("try", 3, "the gate"),
        ("try", 3, "the gate"),
        ("promote", 3, "the gate"),
    ]
    card = client(workspace).get_model_version(models.POLICY, "3").description
    assert "live/approval" in card
    assert "shadow/win_rate" in card
    run = client(workspace).get_run(version(workspace, 3).run_id)
    assert run.data.metrics["live/approval"] == pytest.approx(0.45, abs=0.13)


def test_a_person_can_take_a_canary_back(workspace: Workspace, heed: Heed) -> None:
    challenger, now = version(workspace, 2), version(workspace, 3)
    canary.begin(workspace, challenger, now, [0.1], 0, "the gate", "to see", challenger.run_id)
    assert heed.json("rollback", "--because", "somebody complained") == {"champion": 3, "before": 2, "was_tried": True}
    assert canary.running(workspace) is None
    assert champion(workspace) == 3
