"""Of several trials the one is chosen that the gate would rather have."""

import numpy as np
from scipy.special import expit

from components.records.handles import Estimate, Trial, Verdict
from components.registry.gate import DEFAULT_POLICY, Policy, read_policy
from components.registry.trials import at_equal_length, best


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
    return Trial(settings={}, measures=measures, at_equal_length=at_equal_length)


def judged(better: float, talks: float, seed: int) -> Trial:
    """By a judge who likes length: a model that talks more by so many spreads, and is better by so much."""
    draw = np.random.default_rng(seed)
    longer = draw.normal(talks, 1, 600)
    wins = draw.random(600) < expit(better + 2 * np.tanh(longer))
    verdicts = [Verdict(win=float(win), longer=round(300 * by)) for win, by in zip(wins, longer, strict=True)]
    # Of some the judge said nothing.
    verdicts[seed] = Verdict(win=None, longer=0)
    return Trial(settings={}, verdicts=tuple(verdicts))


def chosen(*trials: Trial) -> int:
    policy: Policy = read_policy(DEFAULT_POLICY)
    return best(trials, policy)


def test_at_equal_length_the_better_one_wins_and_not_the_one_that_talks() -> None:
    failed = Trial(settings={}, failed="no memory")
    talker, _, better = at_equal_length([judged(0.0, 1.5, 1), failed, judged(0.8, -1.0, 2)])
    wins = [np.mean([one.win for one in model.verdicts if one.win is not None]) for model in (talker, better)]
    assert wins[0] > wins[1]
    rates = [model.at_equal_length or 0.0 for model in (talker, better)]
    assert rates[1] - rates[0] > 0.1


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
