"""Asking in both orders makes a judge fair, and shows when it is not."""

import numpy as np
import pytest

from components.evaluation.judges import appoint, compare
from components.records.errors import BadInput
from components.records.messages import Message
from tests.components.evaluation.conftest import means

PROMPTS: list[list[Message]] = [[{"role": "user", "content": str(i)}] for i in range(4)]
CHALLENGER = ["long answer", "ok", "same", "longer"]
CHAMPION = ["short", "okay", "same", "l"]


def by_length(prompts: list[list[Message]], responses: list[str]) -> np.ndarray:
    return np.array([float(len(response)) for response in responses])


class FirstPlaceLover:
    """Takes the longer answer, but half of the time simply the first."""

    name = "first-place lover"
    is_free = True

    def prefer(self, prompts: list[list[Message]], first: list[str], second: list[str]) -> np.ndarray:
        longer = appoint("reward", means(by_length)).prefer(prompts, first, second)
        return np.where(np.arange(len(prompts)) % 2, 1.0, longer)


def test_the_reward_judge_takes_the_higher_reward_and_ties_where_equal() -> None:
    verdicts = compare(appoint("reward", means(by_length)), PROMPTS, CHALLENGER, CHAMPION)
    assert verdicts.challenger_wins.tolist() == [1, 0, 0.5, 1]
    assert verdicts.consistent.all()


def test_swapping_the_models_mirrors_the_verdicts() -> None:
    for judge in (appoint("reward", means(by_length)), FirstPlaceLover()):
        there = compare(judge, PROMPTS, CHALLENGER, CHAMPION)
        back = compare(judge, PROMPTS, CHAMPION, CHALLENGER)
        assert there.challenger_wins == pytest.approx(1 - back.challenger_wins)
        assert (there.consistent == back.consistent).all()


def test_a_liking_for_the_first_place_pulls_the_verdict_to_a_half_and_shows() -> None:
    better = [text * 3 for text in CHAMPION]
    verdicts = compare(FirstPlaceLover(), PROMPTS, better, CHAMPION)
    assert verdicts.challenger_wins.tolist() == [1, 0.5, 1, 0.5]
    assert verdicts.consistent.tolist() == [True, False, True, False]


def test_an_unknown_judge_is_named_with_the_nearest_known() -> None:
    with pytest.raises(BadInput, match=r"unknown judge 'rewards' \(evaluate.judge\). Did you mean reward\?"):
        appoint("rewards", means(by_length))
