"""What steps pass to each other: small, immutable, and enough to find the thing again.

A handle's `key` is what makes two of them the same to a step: the content it points to, not when it was made.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict


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
    """

    challenger: ModelVersion
    champion: ModelVersion
    reward: ModelVersion
    dataset: str
    judge: str
    measures: dict[str, Estimate]
    run_id: str

    @property
    def key(self) -> str:
        return f"{self.challenger.key}|{self.champion.key}|{self.reward.key}|{self.dataset}|{self.judge}"


class Decision(Handle):
    """What the gate said of a scorecard, and why.

    Attributes:
        outcome: promote, ask (it may be promoted, and a person has to agree), hold (not enough evidence) or refuse (a
            check failed).
        reasons: one plain sentence for each check.
    """

    outcome: Literal["promote", "ask", "hold", "refuse"]
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
