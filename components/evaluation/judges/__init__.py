"""Who compares two answers. Knows nothing of which models wrote them.

A judge is one file beside this one and one line in JUDGES.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol, runtime_checkable

import numpy as np
import polars as pl

from components.endpoint import Endpoint
from components.evaluation.judges.checklist import ChecklistJudge
from components.evaluation.judges.llm import LLMJudge
from components.evaluation.judges.llm_score import ScoreJudge
from components.evaluation.judges.reward import RewardJudge, Scorer
from components.records.errors import BadInput
from components.records.messages import Message


class Judge(Protocol):
    """What every judge is.

    Attributes:
        name: a key of JUDGES.
        is_free: whether a verdict costs no request.
    """

    name: str
    is_free: bool

    def prefer(self, prompts: list[list[Message]], first: list[str], second: list[str]) -> np.ndarray:
        """Which answer to each prompt is better: 1 the first, 0 the second, 0.5 cannot tell, nan not judged; (n,)."""
        ...


@runtime_checkable
class Explaining(Protocol):
    """A judge that says why."""

    def explain(self, prompts: list[list[Message]], first: list[str], second: list[str]) -> list[str]:
        """The reason for each verdict that `prefer` gave of the same, in words, length n; empty where there is none."""
        ...


@runtime_checkable
class Related(Protocol):
    """A judge that may favour the answers of a model.

    Attributes:
        own_model: its name: the model that judges, or that wrote most of what the judge learned from; None where
            nobody knows.
    """

    own_model: str | None


@dataclass(frozen=True)
class Means:
    """What a judge may ask or look up.

    Attributes:
        scorer: the reward model.
        endpoint: opens the language model behind an endpoint; only asked for by judges that need one.
        checklists: records of `Checklist`.
        taste: the judge who knows what simulated users like.
        taught_by: the model that wrote most of what the reward model learned from; None where nobody knows.
    """

    scorer: Scorer
    endpoint: Callable[[], Endpoint]
    checklists: pl.DataFrame
    taste: Judge
    taught_by: str | None = None


JUDGES: dict[str, Callable[[Means], Judge]] = {
    "checklist": lambda means: ChecklistJudge(means.endpoint(), means.checklists),
    "llm": lambda means: LLMJudge(means.endpoint()),
    "llm score": lambda means: ScoreJudge(means.endpoint()),
    "reward": lambda means: RewardJudge(means.scorer, means.taught_by),
    "true taste": lambda means: means.taste,
}


@dataclass(frozen=True)
class Verdicts:
    """What a judge said of n prompts when asked in both orders; nan where it said nothing.

    Attributes:
        challenger_first: with the challenger's answer shown first: 1 it is better, 0 the champion's, 0.5 cannot tell,
            shape (n,).
        champion_first: the same with the champion's answer shown first, shape (n,).
        why: the judge's reasons in words, length n; None of a judge that gives none.
    """

    challenger_first: np.ndarray
    champion_first: np.ndarray
    why: list[str] | None = None

    @property
    def challenger_wins(self) -> np.ndarray:
        """Mean of both orders, shape (n,)."""
        return (self.challenger_first + self.champion_first) / 2

    @property
    def judged(self) -> np.ndarray:
        """Whether there is a verdict in both orders: in one alone a liking for a place could decide; shape (n,)."""
        return ~np.isnan(self.challenger_wins)

    @property
    def consistent(self) -> np.ndarray:
        """Whether both orders gave the same verdict, shape (n,)."""
        return self.challenger_first == self.champion_first

    @property
    def first_wins(self) -> np.ndarray:
        """How often the answer shown first was better, over both orders, shape (n,); 0.5 of a judge that is fair."""
        return (self.challenger_first + 1 - self.champion_first) / 2


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
    return Verdicts(
        judge.prefer(prompts, challenger, champion),
        1 - judge.prefer(prompts, champion, challenger),
        _reasons(judge, prompts, challenger, champion) if isinstance(judge, Explaining) else None,
    )


def _reasons(judge: Explaining, prompts: list[list[Message]], challenger: list[str], champion: list[str]) -> list[str]:
    """The reasons given in either order."""
    there, back = judge.explain(prompts, challenger, champion), judge.explain(prompts, champion, challenger)
    told = ("challenger first", there), ("champion first", back)
    return [
        "\n".join(f"{order}: {reasons[row]}" for order, reasons in told if reasons[row]) for row in range(len(prompts))
    ]


__all__ = ["JUDGES", "Judge", "Related", "Scorer", "Verdicts", "appoint", "compare"]
