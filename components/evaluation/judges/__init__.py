"""Who compares two answers. Knows nothing of which models wrote them.

A judge is one file beside this one and one line in JUDGES.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

import numpy as np
import polars as pl

from components.endpoint import Endpoint
from components.evaluation.judges.checklist import ChecklistJudge
from components.evaluation.judges.reward import RewardJudge, Scorer
from components.records.errors import BadInput
from components.records.messages import Message


class Judge(Protocol):
    name: str

    def prefer(self, prompts: list[list[Message]], first: list[str], second: list[str]) -> np.ndarray:
        """Which answer to each prompt is better: 1 the first, 0 the second, 0.5 cannot tell; shape (n,)."""
        ...


@dataclass(frozen=True)
class Means:
    """What a judge may ask or look up.

    Attributes:
        scorer: the reward model.
        endpoint: opens the language model behind an endpoint; only asked for by judges that need one.
        checklists: records of `Checklist`.
    """

    scorer: Scorer
    endpoint: Callable[[], Endpoint]
    checklists: pl.DataFrame


JUDGES: dict[str, Callable[[Means], Judge]] = {
    "checklist": lambda means: ChecklistJudge(means.endpoint(), means.checklists),
    "reward": lambda means: RewardJudge(means.scorer),
}


@dataclass(frozen=True)
class Verdicts:
    """What a judge said of n prompts when asked in both orders.

    Attributes:
        challenger_wins: 1 the challenger's answer is better, 0 the champion's, 0.5 cannot tell; mean of both orders,
            shape (n,).
        consistent: whether both orders gave the same verdict, shape (n,).
    """

    challenger_wins: np.ndarray
    consistent: np.ndarray


def appoint(name: str, means: Means) -> Judge:
    """The judge of this name.

    Args:
        name: a key of JUDGES, as in `evaluate.judge`.
        means: what it may need.

    Raises:
        BadInput: there is no such judge.
    """
    if name not in JUDGES:
        near = get_close_matches(name, JUDGES, n=1)
        fix = f"Did you mean {near[0]}?" if near else f"The judges are {', '.join(JUDGES)}."
        raise BadInput(f"unknown judge {name!r}", "evaluate.judge", fix)
    return JUDGES[name](means)


def compare(judge: Judge, prompts: list[list[Message]], challenger: list[str], champion: list[str]) -> Verdicts:
    """Ask in both orders and take the mean, so that a liking for the first or second place cancels out.

    Args:
        judge: who is asked.
        prompts: n conversations.
        challenger: its n answers.
        champion: its n answers.
    """
    challenger_first = judge.prefer(prompts, challenger, champion)
    champion_first = 1 - judge.prefer(prompts, champion, challenger)
    return Verdicts((challenger_first + champion_first) / 2, challenger_first == champion_first)


__all__ = ["JUDGES", "Judge", "Scorer", "Verdicts", "appoint", "compare"]
