"""Of several trials the one is chosen that the gate would rather have."""

from components.records.handles import Estimate, Trial
from components.registry.gate import DEFAULT_POLICY, Policy, read_policy
from components.registry.trials import best


def trial(win_rate: float, at_equal_length: float, kl: float = 5.0) -> Trial:
    def measured(value: float, width: float) -> Estimate:
        return Estimate(value=value, low=value - width, high=value + width, n=60)

    measures = {
        "policy/win_rate": measured(win_rate, 0.12),
        "policy/win_rate_length_controlled": measured(at_equal_length, 0.12),
        "judge/coverage": measured(1.0, 0.0),
        "judge/agreement": measured(0.7, 0.05),
        "reward/ece": measured(0.05, 0.01),
        "policy/length_ratio": measured(1.1, 0.1),
        "policy/kl": measured(kl, 1.0),
        "policy/must_pass_broken": Estimate(value=0, low=0, high=0, n=0),
    }
    return Trial(settings={}, measures=measures)


def chosen(*trials: Trial) -> int:
    policy: Policy = read_policy(DEFAULT_POLICY)
    return best(trials, policy)


def test_the_lower_of_both_win_rates_decides() -> None:
    assert chosen(trial(0.55, 0.56), trial(0.6, 0.58), trial(0.57, 0.57)) == 1
    assert chosen(trial(0.8, 0.52), trial(0.6, 0.55)) == 1  # the first wins by talking more
    assert chosen(trial(0.52, 0.8), trial(0.6, 0.55)) == 1  # the first is excused for cutting its answers short


def test_what_the_gate_would_refuse_comes_after_all_else() -> None:
    assert chosen(trial(0.95, 0.95, kl=80.0), trial(0.55, 0.54)) == 1
    assert chosen(trial(0.2, 0.2), trial(0.9, 0.9, kl=80.0)) == 1  # both would be


def test_of_equals_the_first_and_none_that_failed() -> None:
    assert chosen(trial(0.6, 0.6), trial(0.6, 0.6)) == 0
    assert chosen(Trial(settings={}, failed="no memory"), trial(0.2, 0.2)) == 1
