"""Reward models. A method is one file with a class, and one line here; a folder it saved says which method it is."""

import json
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from components.records.messages import Message
from components.training.rewards.classifier import ClassifierReward
from components.training.rewards.features import FeatureReward

KEPT = "reward.json"


class RewardModel(Protocol):
    """Says how good an answer is.

    `score` gives logits, shape (n,): sigmoid of the difference of two is the probability that the first is preferred.
    `save` and `load` are each other's inverse.
    """

    def score(self, prompts: list[list[Message]], responses: list[str]) -> np.ndarray: ...

    def save(self, folder: Path) -> None: ...

    @classmethod
    def load(cls, folder: Path, memory: Path | None = None) -> "RewardModel": ...


REWARDS: dict[str, type[RewardModel]] = {
    "features": FeatureReward,
    "classifier": ClassifierReward,
}


def save(reward: RewardModel, folder: Path) -> None:
    """Keep a reward model in a folder that says how to load it."""
    reward.save(folder)
    method = next(name for name, kind in REWARDS.items() if isinstance(reward, kind))
    (folder / KEPT).write_text(json.dumps({"method": method}))


def load(folder: Path, memory: Path | None = None) -> RewardModel:
    """Load what `save` kept.

    Args:
        folder: where it is kept.
        memory: folder of remembered features; None remembers nothing.
    """
    return REWARDS[json.loads((folder / KEPT).read_text())["method"]].load(folder, memory)


class _Served:
    """A reward model as MLflow serves it."""

    def __init__(self, reward: RewardModel) -> None:
        self.reward = reward

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        """Logits of answers, shape (n,), from columns `prompt` (a text or messages) and `response`."""
        prompts = [
            [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [dict(turn) for turn in prompt]
            for prompt in answers["prompt"]
        ]
        return self.reward.score(prompts, [str(response) for response in answers["response"]])


def _load_pyfunc(path: str) -> _Served:
    """What `mlflow.pyfunc.load_model` calls."""
    return _Served(load(Path(path)))
