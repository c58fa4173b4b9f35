"""The champion's place changes hands, with the reason and the predecessor written down."""

from collections.abc import Callable

import pytest
from mlflow import MlflowClient

from components.records.errors import BadInput
from components.records.handles import Decision, Estimate, ModelVersion, Scorecard
from components.registry import decisions, history, models, promotion
from components.registry.comparison import comparison
from components.tracking import client
from components.workspace import Workspace


def champion(workspace: Workspace) -> int | None:
    found = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    return found.version if found else None


def test_promotion_moves_the_alias_and_says_why_and_after_whom(
    workspace: Workspace, register: Callable[[str], ModelVersion]
) -> None:
    first, second = register("a"), register("b")
    promotion.promote(workspace, first, "the first")
    assert champion(workspace) == 1
    assert models.tag(workspace, first, promotion.SUCCEEDED) is None
    promotion.promote(workspace, second, "won 62% of prompts")
    assert champion(workspace) == 2
    assert models.tag(workspace, second, "heed.promoted_because") == "won 62% of prompts"
    assert models.tag(workspace, second, promotion.SUCCEEDED) == "1"
    assert (models.tag(workspace, second, "heed.promoted_at") or "").endswith("+00:00")


def test_to_promote_the_champion_changes_nothing(workspace: Workspace, register: Callable[[str], ModelVersion]) -> None:
    first, second = register("a"), register("b")
    promotion.promote(workspace, first, "the first")
    promotion.promote(workspace, second, "better")
    before = client(workspace).get_model_version(models.POLICY, "2").tags
    promotion.promote(workspace, second, "once more")
    assert client(workspace).get_model_version(models.POLICY, "2").tags == before
    assert promotion.rollback(workspace, "worse after all")[1] == first  # and not to itself


def test_rollback_goes_back_one_champion_at_a_time_and_says_why(
    workspace: Workspace, register: Callable[[str], ModelVersion]
) -> None:
    made = [register(step) for step in "abcd"]
    for model in (made[0], made[1], made[3]):  # the third was never in service
        promotion.promote(workspace, model, "better")
    assert promotion.rollback(workspace, "users complain") == (made[3], made[1])
    assert champion(workspace) == 2
    assert models.tag(workspace, made[3], "heed.rolled_back_because") == "users complain"
    assert promotion.rollback(workspace, "still") == (made[1], made[0])
    assert champion(workspace) == 1
    with pytest.raises(BadInput, match=r"version 1 is the first champion \(the registry\)"):
        promotion.rollback(workspace, "again")
    assert champion(workspace) == 1
    promotion.promote(workspace, made[3], "it was not the model's fault")
    assert promotion.rollback(workspace, "it was") == (made[3], made[0])


def test_every_move_is_told_in_order_with_who_and_why_and_one_made_again_after_a_kill_is_one(
    workspace: Workspace, register: Callable[[str], ModelVersion], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    first, second = register("a"), register("b")
    promotion.promote(workspace, first, "the first", history.FIRST)
    with monkeypatch.context() as cut_off:
        cut_off.setattr(MlflowClient, "set_registered_model_alias", _killed)
        with pytest.raises(KeyboardInterrupt):
            promotion.promote(workspace, second, "won", history.GATE, "run")
    assert champion(workspace) == 1
    promotion.promote(workspace, second, "won", history.GATE, "run")
    promotion.rollback(workspace, "users complain")
    promotion.promote(workspace, second, "it was not the model's fault")
    told = [(move.what, move.before, move.version, move.by, move.scorecard) for move in history.moves(workspace)]
    assert told == [
        ("promote", None, 1, "heed", None),
        ("promote", 1, 2, "the gate", "run"),
        ("roll back", 2, 1, "ada", None),
        ("promote", 1, 2, "ada", None),
    ]
    assert history.moves(workspace)[2].in_words().endswith("roll back version 1 after 2, by ada: users complain")


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_rollback_without_a_champion_says_what_to_run(
    workspace: Workspace, register: Callable[[str], ModelVersion]
) -> None:
    with pytest.raises(BadInput, match=r"there is no champion.*heed retrain"):
        promotion.rollback(workspace, "why not")
    register("a")
    with pytest.raises(BadInput, match=r"there is no champion.*heed retrain"):
        promotion.rollback(workspace, "why not")


def test_a_version_that_is_missing_is_answered_with_those_there_are(
    workspace: Workspace, register: Callable[[str], ModelVersion]
) -> None:
    with pytest.raises(BadInput, match=r"heed-policy has no version 1 .*The versions are: none yet\."):
        models.version_named(workspace, 1)
    made = [register(step) for step in "abc"]
    assert models.version_named(workspace, 2) == made[1]
    assert models.versions(workspace, models.POLICY) == made[::-1]
    for number in (0, 4, -1):
        with pytest.raises(BadInput, match=rf"heed-policy has no version {number} .*The versions are: 1, 2, 3\."):
            models.version_named(workspace, number)


def test_what_was_measured_and_decided_stays_with_the_version(
    workspace: Workspace, register: Callable[[str], ModelVersion]
) -> None:
    first, second, third = (register(step) for step in "abc")
    measures = {f"reward/accuracy/{group}": Estimate(value=0.7, low=0.6, high=0.8, n=40) for group in range(40)}
    scorecard = Scorecard(
        challenger=second,
        champion=first,
        reward=first.model_copy(update={"name": models.REWARD}),
        dataset="d",
        judge="reward",
        measures=measures,
        run_id="r",
    )
    decision = Decision(outcome="hold", reasons=("hold: policy/win_rate is 0.52 – nicht genug.",) * 5)
    promotion.challenge(workspace, second)
    decisions.record(workspace, scorecard, decision, "inputs-1", "# card")
    assert models.at_alias(workspace, models.POLICY, models.CHALLENGER) == second
    assert decisions.scorecard_of(workspace, second) == scorecard
    assert decisions.scorecard_of(workspace, third) is None
    assert decisions.decided(workspace, "inputs-1") == second
    assert decisions.decided(workspace, "inputs-2") is None
    assert comparison(workspace, None, None) == {2: scorecard}
    assert comparison(workspace, 2, None) == {2: scorecard}
    with pytest.raises(BadInput, match="version 3 was never measured"):
        comparison(workspace, 2, 3)
    with pytest.raises(BadInput, match="no version 9"):
        comparison(workspace, 9, None)
