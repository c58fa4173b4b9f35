"""A decision that is cut off at any step is the same decision when it is taken up again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Suspended

from components.records.errors import BadInput
from components.records.handles import Estimate, ModelVersion, Scorecard
from components.registry import approval, canary, decisions, history, models, promotion
from components.tracking import client, experiment
from components.validation import acceptance
from components.workspace import Workspace, find, versions
from components.workspace.creation import create
from flows.approving import withdraw_others
from flows.promote import can_decide, promote
from flows.retrain import once
from tests.e2e.conftest import Heed

POLICY = '[[check]]\nmeasure = "policy/win_rate"\nat_least = 0.5\nbecause = "it has to win"\n'
INPUTS = "the inputs"


@pytest.fixture
def workspace(tmp_path: Path, server: str) -> Iterator[Workspace]:
    with temporary_settings({PREFECT_API_URL: server}):
        yield find(create(tmp_path / "work", POLICY).root)


@pytest.fixture
def scorecard(workspace: Workspace) -> Scorecard:
    """Of a second version against the first, which is the champion."""
    registry = client(workspace)
    registry.create_registered_model(models.POLICY)
    for step in ("first", "second", "third"):
        tags = {"heed.step": step, "heed.dataset": "d"}
        registry.create_model_version(models.POLICY, str(workspace.root), tags=tags)
    third, second, first = models.versions(workspace, models.POLICY)
    assert third.step == "third"
    promotion.promote(workspace, first, "the first")
    won = Estimate(value=0.6, low=0.55, high=0.65, n=300)
    return Scorecard(
        challenger=second,
        champion=first,
        reward=second,
        dataset="d",
        judge="reward",
        measures=dict.fromkeys(("policy/win_rate", "reward/accuracy", "reward/ece"), won),
        run_id="r",
    )


def champion(workspace: Workspace) -> ModelVersion | None:
    return models.at_alias(workspace, models.POLICY, models.CHAMPION)


@pytest.mark.parametrize(
    ("where", "cut_off"), [(promotion, "challenge"), (promotion, "promote"), (decisions, "record")]
)
def test_a_decision_that_was_cut_off_is_taken_up_with_its_own_scorecard(
    workspace: Workspace, scorecard: Scorecard, where: ModuleType, cut_off: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(where, cut_off, _cut)
        with pytest.raises(KeyboardInterrupt):
            promote(workspace, scorecard, INPUTS)
    assert decisions.decided(workspace, INPUTS) is None
    kept = decisions.begun(workspace, INPUTS)
    assert kept == scorecard
    assert promote(workspace, kept, INPUTS).outcome == "promote"
    assert champion(workspace) == scorecard.challenger
    assert decisions.decided(workspace, INPUTS) == scorecard.challenger
    assert promotion.rollback(workspace, "to see")[1] == scorecard.champion


def test_a_champion_that_was_chosen_by_hand_meanwhile_stays(workspace: Workspace, scorecard: Scorecard) -> None:
    third = models.versions(workspace, models.POLICY)[0]
    promotion.promote(workspace, third, "by hand")
    decision = promote(workspace, scorecard, INPUTS)
    assert decision.outcome == "hold"
    assert f"version {third.version} is in service by now" in decision.reasons[-1]
    assert champion(workspace) == third


def test_two_promotions_at_once_are_one_after_the_other(
    workspace: Workspace, scorecard: Scorecard, heed_in: Callable[[Path], Heed]
) -> None:
    heed = heed_in(workspace.root)
    both = [heed.start("promote", str(number), "--because", f"number {number}") for number in (2, 3)]
    assert [process.wait(60) for process in both] == [0, 0]
    first, before, last = history.moves(workspace)
    assert (first.version, before.before, last.before) == (1, 1, before.version)
    assert {before.version, last.version} == {2, 3}
    now = champion(workspace)
    assert now
    assert now.version == last.version
    assert promotion.rollback(workspace, "to see")[1].version == before.version


def _cut(*_: object) -> None:
    raise KeyboardInterrupt


def test_where_a_person_has_to_agree_nothing_moves_before(workspace: Workspace, scorecard: Scorecard) -> None:
    asking = find(workspace.root, ("promotion.approval=true",))
    decision = promote(asking, scorecard, INPUTS)
    assert decision.outcome == "ask"
    assert "heed promote 2" in decision.reasons[-1]
    assert champion(workspace) == scorecard.champion
    said_no = approval.answer(workspace, scorecard.challenger, False, "ada", "too curt")
    assert said_no.reasons[-1] == "refuse: ada did not agree: too curt"
    assert champion(workspace) == scorecard.champion
    assert approval.answer(workspace, scorecard.challenger, True, "bob", "too late") == said_no


def test_who_agrees_by_hand_is_named_and_the_question_is_answered(workspace: Workspace, scorecard: Scorecard) -> None:
    promote(find(workspace.root, ("promotion.approval=true",)), scorecard, INPUTS)
    approval.promote_by_hand(workspace, scorecard.challenger, "looks good")
    assert champion(workspace) == scorecard.challenger
    assert models.tag(workspace, scorecard.challenger, decisions.DECISION) == "promote"
    assert [move.because for move in history.moves(workspace)][-1] == "looks good"


def test_who_agrees_to_what_was_compared_with_another_champion_is_told(
    workspace: Workspace, scorecard: Scorecard
) -> None:
    promote(find(workspace.root, ("promotion.approval=true",)), scorecard, INPUTS)
    promotion.promote(workspace, models.versions(workspace, models.POLICY)[0], "by hand")
    with pytest.raises(BadInput, match="compared with 1, and 3 serves now"):
        approval.answer(workspace, scorecard.challenger, True, "ada", "fine")


def test_who_agreed_lets_some_users_have_it_first(workspace: Workspace, scorecard: Scorecard) -> None:
    by_steps = find(workspace.root, ("promotion.approval=true", "promotion.canary=[0.1]"))
    with pytest.raises(BadInput, match=r"does not say what users must make of a canary .*live/approval"):
        can_decide(by_steps)
    by_steps.gate_file.write_text(POLICY + '[[check]]\nmeasure = "live/approval"\nat_least = 0\n')
    with pytest.raises(BadInput, match=r"answered at capture\.upstream"):
        can_decide(find(workspace.root, ("promotion.canary=[0.1]", "capture.upstream=https://api.example.com/v1")))
    can_decide(by_steps)
    assert promote(by_steps, scorecard, INPUTS).outcome == "ask"
    assert canary.running(workspace) is None
    answered = approval.answer(by_steps, scorecard.challenger, True, "ada", "it reads well", heard=12)
    assert answered.outcome == "try"
    tried = canary.running(workspace)
    assert tried
    assert (tried.model, tried.share, tried.heard) == (scorecard.challenger, 0.1, 12)
    assert champion(workspace) == scorecard.champion
    third = models.versions(workspace, models.POLICY)[0]
    later = promote(workspace, scorecard.model_copy(update={"challenger": third}), "later inputs")
    assert later.outcome == "hold"
    assert "version 2 answers 10% of the users" in later.reasons[-1]


def test_a_run_that_waits_about_an_older_challenger_is_cancelled_and_says_why(
    workspace: Workspace, scorecard: Scorecard
) -> None:
    with get_client(sync_client=True) as prefect:
        asks = prefect.create_flow(flow(lambda version: None, name="approve"))
        own, other = (prefect.create_deployment(asks, name=name) for name in (workspace.name, "somebody-else"))
        wait = Suspended(timeout_seconds=600)
        older, newest, elsewhere = (
            prefect.create_flow_run_from_deployment(of, parameters={"version": number}, state=wait).id
            for of, number in ((own, 1), (own, 2), (other, 1))
        )
        withdraw_others(workspace, scorecard.challenger)
        states = [prefect.read_flow_run(run).state for run in (older, newest, elsewhere)]
    assert [state.name for state in states if state] == ["Cancelled", "Suspended", "Suspended"]
    assert states[0]
    assert states[0].message == "Nobody had answered when version 2 became the challenger."


@pytest.mark.parametrize(
    ("error", "status", "why"),
    [
        (RuntimeError("the GPU is gone"), "FAILED", "- RuntimeError: the GPU is gone"),
        (KeyboardInterrupt(), "KILLED", ""),
    ],
)
def test_a_retraining_that_an_error_ends_is_a_failed_run_that_says_why(
    workspace: Workspace, error: BaseException, status: str, why: str
) -> None:
    dataset = versions.current(workspace)
    acceptance.accept(workspace, dataset, "to see it fail")

    def challenged(*_: object) -> Scorecard:
        raise error

    with pytest.raises(type(error)):
        flow(lambda: once(workspace, dataset, False, challenged), name="retrain")()
    [found] = client(workspace).search_runs([experiment(workspace)])
    assert found.info.status == status
    assert why in found.data.tags.get("mlflow.note.content", "")
