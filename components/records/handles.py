"""What steps pass to each other: small, immutable, and enough to find the thing again.

A handle's `key` is what makes two of them the same to a step: the content it points to, not when it was made.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Handle(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def key(self) -> str:
        """What tells it apart: steps given handles of the same key are the same step."""
        return self.model_dump_json()


class DatasetVersion(Handle):
    """The dataset as one immutable thing.

    Attributes:
        hash: DVC's content hash of `data/`.
        commit: the workspace commit that pins it.
        preferences: how many preferences it holds.
    """

    hash: str
    commit: str
    preferences: int

    @property
    def key(self) -> str:
        return self.hash


class ModelVersion(Handle):
    """One version of a registered model.

    Attributes:
        name: the registered name, `heed-policy` or `heed-reward`.
        version: its number in the MLflow registry.
        run_id: the MLflow run that made it.
        dataset: content hash of the dataset version it was trained on.
        step: fingerprint of what it was made from; the same step never registers twice.
    """

    name: str
    version: int
    run_id: str
    dataset: str
    step: str

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.version}"

    @property
    def key(self) -> str:
        return f"{self.name}:{self.step}"


class Trained(Handle):
    """A policy that was trained and is in no registry yet.

    Attributes:
        folder: the finished model with its tokenizer.
        run_id: the MLflow run that trained it.
        dataset: content hash of the dataset version it was trained on.
        step: fingerprint of what it was made from.
        seconds: that training took, since it was last begun.
    """

    folder: Path
    run_id: str
    dataset: str
    step: str
    seconds: float

    @property
    def key(self) -> str:
        return self.step


class Estimate(Handle):
    """A measured number with its 95% bootstrap interval.

    Attributes:
        value: the number, in the unit its name says.
        low: lower end of the interval.
        high: upper end of the interval.
        n: how many independent units (prompts, pairs) it was measured on.
    """

    value: float
    low: float
    high: float
    n: int


class Scorecard(Handle):
    """Everything measured about a challenger against the champion.

    Attributes:
        challenger: the candidate.
        champion: the model in service it was compared with.
        reward: the reward model that was measured, and that judged where `judge` is "reward".
        dataset: content hash of the dataset version whose test side was used.
        judge: who compared the answers.
        measures: name to estimate; names are grouped by prefix, as `policy/win_rate`.
        run_id: the MLflow run that holds it, with its plots and tables.
        best_of: how many settings were tried to find the challenger, as `heed sweep` does.
    """

    challenger: ModelVersion
    champion: ModelVersion
    reward: ModelVersion
    dataset: str
    judge: str
    measures: dict[str, Estimate]
    run_id: str
    best_of: int = 1

    @property
    def key(self) -> str:
        return f"{self.challenger.key}|{self.champion.key}|{self.reward.key}|{self.dataset}|{self.judge}"


class Verdict(Handle):
    """What a judge said of one pair of answers.

    Attributes:
        win: 1 the challenger's is better, 0 the champion's, between them where it is unsure; None where it said
            nothing.
        longer: by how many characters the challenger's is longer.
    """

    win: float | None
    longer: int


class Trial(Handle):
    """Settings that were tried, and how the policy trained with them does on the validation side.

    Attributes:
        settings: key to value, of those that differ between trials.
        trained: the policy; None where training failed.
        measures: name to estimate, against the champion; none where the trial failed.
        verdicts: against the champion, a prompt each, the same prompts for all trials; none where it failed.
        at_equal_length: how often it would win if both answers were equally long, by the liking of length that the
            judge shows over all trials; None where it failed.
        failed: what it failed with; empty where it did not.
    """

    settings: dict[str, Any]
    trained: Trained | None = None
    measures: dict[str, Estimate] = {}
    verdicts: tuple[Verdict, ...] = Field((), exclude=True)
    at_equal_length: float | None = None
    failed: str = ""


class Choice(Handle):
    """What became of a sweep before anybody looked at the test side.

    Attributes:
        trials: in the order of the grid.
        best: which of them was chosen.
        challenger: that one, registered.
        champion: the version that all were trained from and compared with.
        reward: the reward model of all.
        run_id: the MLflow run that the trials stand below.
    """

    trials: tuple[Trial, ...]
    best: int
    challenger: ModelVersion
    champion: ModelVersion
    reward: ModelVersion
    run_id: str

    @property
    def chosen(self) -> Trial:
        return self.trials[self.best]


class Decision(Handle):
    """What the gate, or the person it had asked, said of a scorecard, and why.

    Attributes:
        outcome: promote, ask (it may be promoted, and a person has to agree), try (some users get it first), hold (not
            enough evidence, or nobody answered) or refuse (a check failed, or a person did not agree, or users).
        reasons: one plain sentence for each check.
    """

    outcome: Literal["promote", "ask", "try", "hold", "refuse"]
    reasons: tuple[str, ...]


class DataVerdict(Handle):
    """What the data gate said of a dataset version, and why.

    Attributes:
        outcome: accept, hold (a person has to look at it) or refuse.
        reasons: one plain sentence for each check, those that stop the data first.
    """

    outcome: Literal["accept", "hold", "refuse"]
    reasons: tuple[str, ...]

    @property
    def stops(self) -> tuple[str, ...]:
        """The reasons that stop the data."""
        return tuple(reason for reason in self.reasons if reason.startswith(("hold: ", "refuse: ")))


class Examination(Handle):
    """What was found in a dataset version.

    Attributes:
        dataset: content hash of the version.
        verdict: what the data gate says.
        measures: name to estimate; names begin with `data/`.
        sentences: name of an audit to what it found, in words.
        run_id: the MLflow run that holds it, with its figures, its report and the rows to look at.
        report: the page with all of it.
    """

    dataset: str
    verdict: DataVerdict
    measures: dict[str, Estimate]
    sentences: dict[str, str]
    run_id: str
    report: str

    @property
    def key(self) -> str:
        return self.dataset
