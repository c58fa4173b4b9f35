"""The gate promotes on evidence, refuses on evidence, and holds without."""

from pathlib import Path

import numpy as np
import pytest

from components.records.errors import BadInput
from components.records.handles import Estimate, ModelVersion, Scorecard
from components.registry.gate import (
    DEFAULT_POLICY,
    Check,
    Policy,
    decide,
    read_live_checks,
    read_policy,
    read_shadow_checks,
    weigh_live,
)


def scorecard(**changes: tuple[float, float, float, int]) -> Scorecard:
    """One that passes the default policy, with some measures changed (a double underscore stands for the slash)."""
    measures = {
        "policy/win_rate": (0.62, 0.56, 0.68, 300),
        "policy/win_rate_length_controlled": (0.61, 0.55, 0.67, 300),
        "policy/win_rate/a": (0.6, 0.52, 0.68, 160),
        "policy/win_rate/b": (0.64, 0.55, 0.72, 140),
        "judge/coverage": (0.97, 0.95, 0.99, 300),
        "judge/agreement": (0.7, 0.66, 0.74, 500),
        "reward/ece": (0.05, 0.03, 0.12, 500),
        "policy/must_pass_broken": (0.0, 0.0, 0.0, 0),
        "policy/length_ratio": (1.1, 1.0, 1.2, 300),
        "policy/kl": (4.0, 3.0, 5.0, 300),
    } | {name.replace("__", "/"): numbers for name, numbers in changes.items()}
    model = ModelVersion(name="heed-policy", version=2, run_id="r", dataset="d", step="s")
    return Scorecard(
        challenger=model,
        champion=model.model_copy(update={"version": 1}),
        reward=model.model_copy(update={"name": "heed-reward"}),
        dataset="d",
        judge="reward",
        measures={k: Estimate(value=v, low=low, high=high, n=n) for k, (v, low, high, n) in measures.items()},
        run_id="e",
    )


def outcome(check: Check, value: float, low: float, high: float, n: int = 100) -> str:
    return decide(scorecard(x=(value, low, high, n)), Policy(checks=(check,))).outcome


@pytest.mark.parametrize(
    ("low", "high", "at_least", "at_most"),
    [
        (0.51, 0.60, "promote", "refuse"),
        (0.40, 0.49, "refuse", "promote"),
        (0.45, 0.55, "hold", "hold"),
        (0.50, 0.60, "hold", "hold"),  # touching is not beyond
        (0.40, 0.50, "hold", "hold"),
        (0.50, 0.50, "hold", "hold"),  # the champion against itself
    ],
)
def test_by_interval_the_whole_of_it_has_to_lie_beyond_the_bound(
    low: float, high: float, at_least: str, at_most: str
) -> None:
    middle = (low + high) / 2
    assert outcome(Check(measure="x", at_least=0.5), middle, low, high) == at_least
    assert outcome(Check(measure="x", at_most=0.5), middle, low, high) == at_most


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.51, 0.60, "promote"), (0.45, 0.55, "promote"), (0.40, 0.49, "refuse")]
)
def test_by_interval_against_only_what_is_shown_to_be_short_of_the_bound_stops(
    low: float, high: float, expected: str
) -> None:
    assert outcome(Check(measure="x", at_least=0.5, by="interval against"), (low + high) / 2, low, high) == expected
    assert outcome(Check(measure="x", at_least=0.5, by="interval against", needs=101), 0.6, low, high) == "hold"


def test_users_of_a_canary_decide_by_their_own_checks_and_a_scorecard_by_the_others() -> None:
    live = read_live_checks(DEFAULT_POLICY)
    assert {check.measure for check in live} == {"live/approval"}
    assert not set(live) & set(read_policy(DEFAULT_POLICY).checks)

    def seen(value: float, half: float, n: int = 500) -> str:
        found = Estimate(value=value, low=value - half, high=value + half, n=n)
        return weigh_live({"live/approval": found}, live, steps=2).outcome

    assert seen(0.01, 0.03) == "promote"
    assert seen(-0.01, 0.03) == "hold"
    assert seen(-0.04, 0.015) == "refuse"
    assert seen(-0.03, 0.025) == "hold"  # one look would refuse it, many looks may
    assert seen(-0.4, 0.1, n=49) == "hold"
    assert weigh_live({}, live, steps=2).outcome == "hold"


@pytest.mark.parametrize(
    ("value", "at_least", "at_most"),
    [(0.51, "promote", "refuse"), (0.49, "refuse", "promote"), (0.5, "promote", "promote")],
)
def test_by_value_the_interval_does_not_matter(value: float, at_least: str, at_most: str) -> None:
    assert outcome(Check(measure="x", at_least=0.5, by="value"), value, 0, 1) == at_least
    assert outcome(Check(measure="x", at_most=0.5, by="value"), value, 0, 1) == at_most


def test_a_perfect_score_on_three_prompts_is_not_enough_evidence() -> None:
    assert outcome(Check(measure="x", at_least=0.5, needs=20), 1, 1, 1, n=3) == "hold"
    assert outcome(Check(measure="x", at_least=0.5, needs=20), 1, 1, 1, n=20) == "promote"


def test_a_number_that_is_none_never_promotes() -> None:
    nan = float("nan")
    assert outcome(Check(measure="x", at_most=2.0), nan, nan, nan) == "hold"
    assert outcome(Check(measure="x", at_most=2.0, by="value"), nan, nan, nan) == "refuse"


def test_the_default_policy_promotes_a_challenger_that_is_better_all_round() -> None:
    decision = decide(scorecard(), read_policy(DEFAULT_POLICY))
    assert decision.outcome == "promote"
    assert decision.reasons[0] == (
        "pass: policy/win_rate is 0.62 (95% interval 0.56 to 0.68, n 300): the whole interval is above 0.5."
    )


@pytest.mark.parametrize(
    ("changes", "expected", "says"),
    [
        ({"policy__win_rate": (0.52, 0.46, 0.58, 300)}, "hold", "hold: policy/win_rate is 0.52"),
        ({"policy__win_rate": (0.4, 0.34, 0.46, 300)}, "refuse", "refuse: policy/win_rate is 0.4"),
        ({"policy__win_rate": (1.0, 1.0, 1.0, 3)}, "hold", "fewer than the 20"),
        ({"policy__win_rate_length_controlled": (0.49, 0.43, 0.55, 300)}, "hold", "has only learned to talk more"),
        ({"policy__win_rate__a": (0.5, 0.42, 0.58, 160)}, "hold", "hold: policy/win_rate/a is 0.5"),
        ({"policy__win_rate__a": (0.3, 0.22, 0.38, 160)}, "refuse", "may be worse for some"),
        ({"policy__win_rate__b": (0.3, 0.22, 0.38, 140)}, "refuse", "refuse: policy/win_rate/b is 0.3"),
        ({"judge__coverage": (0.7, 0.65, 0.75, 300)}, "refuse", "what a judge leaves out"),
        ({"judge__agreement": (0.5, 0.45, 0.55, 500)}, "hold", "no better than a coin cannot decide."),
        ({"reward__ece": (0.18, 0.11, 0.26, 500)}, "refuse", "not at most 0.15"),
        ({"policy__length_ratio": (2.4, 1.9, 2.9, 300)}, "refuse", "wins by its length"),
        ({"policy__must_pass_broken": (1.0, 1.0, 1.0, 40)}, "refuse", "what the champion answers as the team asks"),
        ({"policy__kl": (80.0, 40.0, 120.0, 300)}, "refuse", "policy/kl is 80"),
    ],
)
def test_the_default_policy_names_what_stands_in_the_way(changes: dict, expected: str, says: str) -> None:
    decision = decide(scorecard(**changes), read_policy(DEFAULT_POLICY))
    assert decision.outcome == expected
    (reason,) = [reason for reason in decision.reasons if not reason.startswith("pass: ")]
    assert says in reason


def test_who_is_held_is_told_what_so_many_prompts_show_and_how_many_it_would_take() -> None:
    held = decide(scorecard(policy__win_rate=(0.52, 0.46, 0.58, 300)), read_policy(DEFAULT_POLICY)).reasons[0]
    assert "300 can show a difference of 0.086; for one of 0.02, as here, it takes about 5,500" in held
    equal = decide(scorecard(policy__win_rate=(0.5, 0.44, 0.56, 300)), read_policy(DEFAULT_POLICY)).reasons[0]
    assert "300 can show a difference of 0.086, and there is next to none here" in equal


def test_what_one_check_refuses_a_hundred_groups_may_show_by_chance() -> None:
    """A group short of the bound by its 95% interval is nothing among a hundred: two or three are by chance."""
    hurt = {"policy__win_rate__a": (0.34, 0.27, 0.41, 200)}
    assert decide(scorecard(**hurt), read_policy(DEFAULT_POLICY)).outcome == "refuse"
    others = {f"policy__win_rate__{number}": (0.6, 0.53, 0.67, 200) for number in range(100)}
    among_many = decide(scorecard(**hurt, **others), read_policy(DEFAULT_POLICY))
    assert among_many.outcome == "hold"
    assert "which can be chance where 105 are looked at" in among_many.reasons[2]


def test_looks_again_at_the_same_challenger_promote_it_by_chance_no_oftener_than_one_look_may() -> None:
    """A challenger that is no better, looked at ten times while its prompts grow from 300 to 3,000."""
    check = Policy(checks=(Check(measure="x", at_least=0.5),))
    draw = np.random.default_rng(0)
    by_gate = by_intervals = 0
    for _ in range(1000):
        wins = draw.binomial(1, 0.5, 3000)
        seen = [Estimate(value=(share := wins[:n].mean()), low=share - 0.98 / n**0.5, high=share + 0.98 / n**0.5, n=n)
                for n in range(300, 3001, 300)]  # fmt: skip
        cards = [scorecard().model_copy(update={"measures": {"x": one}}) for one in seen]
        by_gate += any(decide(card, check, look).outcome == "promote" for look, card in enumerate(cards, start=1))
        by_intervals += any(one.low > 0.5 for one in seen)
    assert by_gate <= 35  # 25 may be, with chance
    assert by_intervals > 70


def test_a_later_look_asks_for_more() -> None:
    doubtful = scorecard(policy__win_rate=(0.57, 0.501, 0.639, 300))
    assert decide(scorecard(policy__win_rate=(0.57, 0.51, 0.63, 300)), read_policy(DEFAULT_POLICY)).outcome == "promote"
    held = decide(doubtful, read_policy(DEFAULT_POLICY), look=3)
    assert held.outcome == "hold"
    assert "the interval is above 0.5, though not by as much as look 3 at it asks for" in held.reasons[0]


def test_a_small_group_holds_nobody_up_and_where_all_are_small_it_is_said() -> None:
    doubtful = {"policy__win_rate__a": (0.45, 0.3, 0.6, 60)}
    assert decide(scorecard(**doubtful), read_policy(DEFAULT_POLICY)).outcome == "promote"
    said = decide(scorecard(**doubtful), read_policy(DEFAULT_POLICY)).reasons[2]
    assert said == "pass: policy/win_rate of each group: no group has 150 or more."
    hurt = {"policy__win_rate__a": (0.2, 0.1, 0.35, 60)}
    assert decide(scorecard(**hurt), read_policy(DEFAULT_POLICY)).outcome == "refuse"


def test_a_refusal_outweighs_a_hold_and_every_check_is_reported() -> None:
    both = scorecard(policy__win_rate=(0.52, 0.46, 0.58, 300), policy__kl=(80.0, 70.0, 90.0, 300))
    decision = decide(both, read_policy(DEFAULT_POLICY))
    assert decision.outcome == "refuse"
    said = [reason.split(":")[0] for reason in decision.reasons]
    assert said == ["hold", *["pass"] * 6, "refuse", "pass"]


def test_a_measure_that_is_not_there_refuses_by_name() -> None:
    decision = decide(scorecard(), Policy(checks=(Check(measure="policy/winrate", at_least=0.5),)))
    assert decision.outcome == "refuse"
    assert decision.reasons == (
        "refuse: the scorecard has no measure policy/winrate; did the policy mean policy/win_rate?",
    )


def test_a_measure_that_people_have_yet_to_make_holds_and_one_they_never_make_refuses() -> None:
    policy = Policy(checks=(Check(measure="people/winrate", at_least=0.5),))
    waits = decide(scorecard(), policy)
    assert (waits.outcome, "nobody has judged yet" in waits.reasons[0]) == ("hold", True)
    judged = decide(scorecard(people__win_rate=(0.7, 0.6, 0.8, 50)), policy)
    assert judged.outcome == "refuse"
    assert judged.reasons[0].endswith("did the policy mean people/win_rate?")


GOOD = '[[check]]\nmeasure = "policy/kl"\nat_most = 50\n'


@pytest.mark.parametrize(
    ("text", "what", "where", "fix"),
    [
        ("[[check]\n", "not valid TOML", "gate.toml", "Correct"),
        ("", "has no checks", "gate.toml", r"\[\[check\]\]"),
        ("cheks = 1\n", "unknown key cheks", "gate.toml", "tables"),
        ('[check]\nmeasure = "x"\n', "not a list of tables", "gate.toml", "double brackets"),
        (GOOD + "[[check]]\nat_least = 1\n", "measure is missing", "check 2", "policy/win_rate"),
        (GOOD + "atmost = 3\n", "unknown key atmost", r"check 1 \(policy/kl\)", "Did you mean at_most"),
        (GOOD + "colour = 3\n", "unknown key colour", "check 1", "The keys are measure, at_least"),
        (GOOD + "at_least = 1\n", "exactly one of at_least and at_most", "check 1", "as at_least or as at_most"),
        ('[[check]]\nmeasure = "x"\n', "exactly one of at_least and at_most", "check 1", "Give the bound"),
        ('[[check]]\nmeasure = "x"\nat_least = "half"\n', "at_least = 'half': ", "check 1", "Correct at_least"),
        ('[[check]]\nmeasure = "x"\nat_least = nan\n', "at_least = nan: ", "check 1", "Correct at_least"),
        (GOOD + 'by = "vibes"\n', "by = 'vibes': .*'interval against' or 'value'", "check 1", "Correct by"),
        (GOOD + "needs = -1\n", "needs = -1: ", "check 1", "Correct needs"),
    ],
)
def test_a_policy_that_is_wrong_says_what_where_and_what_to_do(
    tmp_path: Path, text: str, what: str, where: str, fix: str
) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(text)
    with pytest.raises(BadInput, match=f"{what}.*{where}.*{fix}"):
        read_policy(file)


def test_a_policy_that_is_not_there_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot be read.*gone\.toml.*Copy .*mlflow/gate\.toml"):
        read_policy(tmp_path / "gone.toml")


def test_a_whole_number_is_a_good_bound(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text(GOOD)
    (check,) = read_policy(tmp_path / "gate.toml").checks
    assert (check.measure, check.at_most, check.by, check.because) == ("policy/kl", 50.0, "interval", "")


def test_the_default_policy_lets_a_shadow_go_on_that_is_no_worse_on_enough_users() -> None:
    checks = read_shadow_checks(DEFAULT_POLICY)

    def outcome(value: float, reach: float, n: int) -> str:
        found = Estimate(value=value, low=value - reach, high=value + reach, n=n)
        return weigh_live({"shadow/win_rate": found}, checks, steps=3).outcome

    assert outcome(0.5, 0.02, 1500) == "promote"
    assert outcome(0.5, 0.04, 400) == "hold"  # beyond the bound for one look, not for any number of them
    assert outcome(0.5, 0.0, 49) == "hold"
    assert outcome(0.38, 0.03, 700) == "refuse"
    nothing_yet = weigh_live({}, checks, steps=3)
    assert nothing_yet.outcome == "hold"
    assert "too few users so far" in nothing_yet.reasons[0]


def test_what_comes_of_trying_is_no_part_of_the_scorecards_policy_and_has_to_be_asked_for(tmp_path: Path) -> None:
    measures = {check.measure for check in read_policy(DEFAULT_POLICY).checks}
    assert not {"live/approval", "shadow/win_rate"} & measures
    file = tmp_path / "gate.toml"
    file.write_text('[[check]]\nmeasure = "policy/win_rate"\nat_least = 0.5\n')
    with pytest.raises(BadInput, match=r"how a shadow's answers must compare .*shadow/win_rate"):
        read_shadow_checks(file)
    with pytest.raises(BadInput, match=r"what users must make of a canary .*live/approval"):
        read_live_checks(file)
