"""A version is tried on some of the users: step by step, until it is the champion or taken back."""

from collections.abc import Callable

import pytest

from components.records.handles import Decision, Estimate, ModelVersion, Scorecard
from components.registry import approval, canary, decisions, history, models, promotion
from components.registry.canary import Canary
from components.workspace import Workspace

SHARES = (0.05, 0.25)


@pytest.fixture
def tried(workspace: Workspace, register: Callable[[str], ModelVersion]) -> Canary:
    """Version 2, on the first of the users, beside version 1."""
    champion, challenger = register("a"), register("b")
    promotion.promote(workspace, champion, "the first")
    won = Estimate(value=0.6, low=0.55, high=0.65, n=300)
    scorecard = Scorecard(
        challenger=challenger,
        champion=champion,
        reward=challenger,
        dataset="d",
        judge="reward",
        measures=dict.fromkeys(("policy/win_rate", "reward/accuracy", "reward/ece"), won),
        run_id="r",
    )
    decisions.record(workspace, scorecard, Decision(outcome="try", reasons=("pass: it won.", "try: 5%")), "i", "card")
    canary.begin(workspace, challenger, champion, SHARES, 7, history.GATE, "it won", "r")
    running = canary.running(workspace)
    assert running
    return running


def champion(workspace: Workspace) -> int:
    found = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    assert found
    return found.version


def test_more_get_it_at_each_step_and_everybody_after_the_last(workspace: Workspace, tried: Canary) -> None:
    assert (tried.model.version, tried.champion, tried.share, tried.heard) == (2, 1, 0.05, 7)
    canary.begin(workspace, tried.model, tried.model, SHARES, 9, history.GATE, "killed and begun again", "r")
    assert canary.running(workspace) == tried
    further = canary.go_on(workspace, tried, 40, "they like it")
    assert further == canary.running(workspace)
    assert further
    assert (further.share, further.heard, champion(workspace)) == (0.25, 40, 1)
    assert canary.go_on(workspace, further, 90, "they still do") is None
    assert (champion(workspace), canary.running(workspace)) == (2, None)
    told = [(move.what, move.version, move.because.split(":")[0]) for move in history.moves(workspace)]
    assert told[1:] == [
        ("try", 2, "5% of the users get it"),
        ("try", 2, "25% of the users get it"),
        ("promote", 2, "they still do"),
    ]
    assert promotion.rollback(workspace, "after all")[1].version == 1


def test_a_shadow_comes_before_the_first_user_and_alone_it_comes_before_everybody(
    workspace: Workspace, tried: Canary
) -> None:
    canary.withdraw(workspace, tried, "ada", "to begin anew")
    for shares, after in ((SHARES, 0.05), ((), None)):
        canary.begin(workspace, tried.model, tried.model, shares, 7, history.GATE, "it won", "r", shadowed=0.5)
        shadow = canary.running(workspace)
        assert shadow
        assert (shadow.is_shadow, shadow.share, shadow.shadowed) == (True, 0.0, 0.5)
        assert "version 2 answers 50% of the users unseen (step 1 of" in shadow.in_words()
        assert history.moves(workspace)[-1].because == "it answers 50% of the users, unseen by them: it won"
        further = canary.go_on(workspace, shadow, 40, "no worse")
        assert (further.share if further else None) == after
        if further:
            assert not further.is_shadow
            canary.withdraw(workspace, further, "ada", "to begin anew")
    assert champion(workspace) == 2


def test_an_end_that_was_cut_off_is_made_up_for(
    workspace: Workspace, tried: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    further = canary.go_on(workspace, tried, 40, "they like it")
    assert further
    with monkeypatch.context() as patch:
        patch.setattr(canary, "settle", _cut)
        with pytest.raises(KeyboardInterrupt):
            canary.withdraw(workspace, further, history.GATE, "refuse: they do not like it")
        assert canary.running(workspace) == further
        with pytest.raises(KeyboardInterrupt):
            canary.go_on(workspace, further, 90, "they do like it")
        assert canary.running(workspace) is None
    assert champion(workspace) == 2
    canary.complete(workspace)
    decision = decisions.decision_of(workspace, tried.model)
    assert decision
    assert decision.outcome == "promote"
    canary.complete(workspace)
    assert models.at_alias(workspace, models.POLICY, canary.CANARY) is None


def test_what_is_taken_back_leaves_the_champion_and_says_by_whom(workspace: Workspace, tried: Canary) -> None:
    canary.withdraw(workspace, tried, "ada", "too curt")
    assert (champion(workspace), canary.running(workspace)) == (1, None)
    assert history.moves(workspace)[-1].what == "withdraw"
    decision = decisions.decision_of(workspace, tried.model)
    assert decision
    assert decision.outcome == "refuse"
    assert decision.reasons[0] == "pass: it won."
    assert decision.reasons[-1].endswith("ada took it back while it was tried: too curt")


@pytest.mark.parametrize("other", [False, True])
def test_a_promotion_by_hand_ends_the_trial(
    workspace: Workspace, tried: Canary, register: Callable[[str], ModelVersion], other: bool
) -> None:
    chosen = register("c") if other else tried.model
    approval.promote_by_hand(workspace, chosen, "asked for")
    assert (champion(workspace), canary.running(workspace)) == (chosen.version, None)
    decision = decisions.decision_of(workspace, tried.model)
    assert decision
    assert decision.outcome == ("refuse" if other else "promote")


def _cut(*_: object) -> None:
    raise KeyboardInterrupt
