"""The judge that prefers what a reward model scores higher. Knows nothing of how the scores are made."""

from collections.abc import Callable

import numpy as np

from components.records.messages import Message

Scorer = Callable[[list[list[Message]], list[str]], np.ndarray]
"""From n prompts and n responses to n rewards, shape (n,); higher is better."""


class RewardJudge:
    """Hard verdicts: the higher reward wins, equal rewards tie.

    Args:
        scorer: the reward model.
        own_model: the model that wrote most of what it learned from; None where nobody knows.
    """

    name = "reward"
    is_free = True

    def __init__(self, scorer: Scorer, own_model: str | None) -> None:
        self.scorer, self.own_model = scorer, own_model

    def prefer(self, prompts: list[list[Message]], first: list[str], second: list[str]) -> np.ndarray:
        """1 where the first answer has the higher reward, 0 where the second has, 0.5 where equal; shape (n,)."""
        return (1 + np.sign(self.scorer(prompts, first) - self.scorer(prompts, second))) / 2
