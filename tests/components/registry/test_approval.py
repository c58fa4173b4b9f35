"""A person's answer moves the champion, and everybody who was told of the question hears of the answer."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from components.config import load
from components.records.errors import BadInput
from components.records.handles import DatasetVersion, Decision, Estimate, ModelVersion, Scorecard
from components.registry import approval, decisions, models, promotion, retrainings
from components.tracking import client
from components.workspace import Workspace, find
from components.workspace.creation import create
from tests.listening import Listener, listening

DATASET = DatasetVersion(hash="0123456789abcdef0123456789abcdef.dir", commit="c", preferences=1234)
ORIGIN = {"heed.correlation": "prefect", "prefect.flow_run_name": "brave-fox"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """With version 1 in service."""
    workspace = find(create(tmp_path_factory.mktemp("approval") / "support-bot", "").root)
    client(workspace).create_registered_model(models.POLICY)
    promotion.promote(workspace, version(workspace, "first"), "the first")
    return workspace


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as somebody:
        yield somebody


@pytest.fixture
def workspace(made: Workspace, listener: Listener) -> Workspace:
    return replace(made, settings=load(overrides=[f"notify.webhook={listener.address}"]))


def version(workspace: Workspace, step: str) -> ModelVersion:
    tags = {"heed.step": step, "heed.dataset": DATASET.hash}
    client(workspace).create_model_version(models.POLICY, Path("/nowhere").as_uri(), tags=tags)
    return models.versions(workspace, models.POLICY)[0]


def asked(workspace: Workspace, inputs: str) -> tuple[ModelVersion, str]:
    """A challenger of a retraining that ended with a question about it, and the run of the retraining."""
    champion, challenger = models.at_alias(workspace, models.POLICY, models.CHAMPION), version(workspace, inputs)
    assert champion
    card = Scorecard(
        challenger=challenger,
        champion=champion,
        reward=challenger,
        dataset=DATASET.hash,
        judge="reward",
        measures={"policy/win_rate": Estimate(value=0.62, low=0.56, high=0.68, n=300)},
        run_id="run8",
    )
    question = Decision(outcome="ask", reasons=("pass: it wins.", "ask: a person has to agree"))
    run = retrainings.begin(workspace, inputs, DATASET, {}, ORIGIN)
    promotion.challenge(workspace, challenger)
    approval.withdraw(workspace, challenger)
    decisions.record(workspace, card, question, inputs, "# card")
    retrainings.finish(workspace, run, "ask", question.reasons, card)
    return challenger, run


def test_the_run_that_asked_and_those_who_wait_are_told_what_was_answered(
    workspace: Workspace, listener: Listener
) -> None:
    challenger, run = asked(workspace, "curt")
    before = client(workspace).get_run(run)
    assert before.info.run_name == f"asked about version {challenger.version}: retrain on 01234567"
    approval.answer(workspace, challenger, False, "ada", "too curt")
    after = client(workspace).get_run(run)
    assert after.info.run_name == f"refused version {challenger.version}: retrain on 01234567"
    assert after.info.end_time == before.info.end_time
    assert after.data.tags["heed.outcome"] == "refuse"
    said = after.data.tags["mlflow.note.content"]
    assert "- refuse: ada did not agree: too curt" in said
    assert "a person has to agree" not in said
    approval.answer(workspace, challenger, True, "bob", "too late")
    [heard] = listener.heard
    assert heard["text"] == (
        f"heed, support-bot: a retraining was refused. Version {challenger.version}: ada did not agree: too curt"
    )
    assert (heard["by"], heard["challenger"]) == ("ada", challenger.version)


def test_who_agrees_by_hand_is_told_of_too(
    workspace: Workspace, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    challenger, run = asked(workspace, "good")
    approval.promote_by_hand(workspace, challenger, "looks good")
    assert models.at_alias(workspace, models.POLICY, models.CHAMPION) == challenger
    assert client(workspace).get_run(run).info.run_name.startswith(f"promoted version {challenger.version}:")
    assert [heard["outcome"] for heard in listener.heard] == ["promoted"]
    assert listener.heard[0]["because"].endswith("ada agreed: looks good")
    approval.promote_by_hand(workspace, challenger, "once more")
    assert len(listener.heard) == 1


def test_a_question_that_a_later_challenger_overtakes_is_withdrawn_and_a_late_answer_moves_nothing(
    workspace: Workspace, listener: Listener
) -> None:
    older, run = asked(workspace, "older")
    newer, _ = asked(workspace, "newer")
    before = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    assert client(workspace).get_run(run).info.run_name.startswith(f"held version {older.version}:")
    late = (
        f"version {older.version} waits for no answer: nobody had answered when version {newer.version} "
        f"became the challenger .*heed promote {older.version}"
    )
    with pytest.raises(BadInput, match=late):
        approval.answer(workspace, older, True, "ada", "fine")
    assert models.at_alias(workspace, models.POLICY, models.CHAMPION) == before
    assert not listener.heard
    assert approval.answer(workspace, newer, True, "ada", "fine").outcome == "promote"
    assert models.at_alias(workspace, models.POLICY, models.CHAMPION) == newer
