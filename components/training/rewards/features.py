"""A reward model as a linear head on frozen sentence features, fitted in seconds on a CPU.

    reward(x, y) = w . phi(x, y) / T
    phi(x, y)    = [ layers of y, standardised, times a slowly growing function of its length ; x * y, word by word ]

w is the L2-regularised logistic regression of the choices on phi(chosen) - phi(rejected), which is a Bradley-Terry
model (https://arxiv.org/abs/1706.03741); its penalty and the temperature T (https://arxiv.org/abs/1706.04599) are
those that predict prompts best which it has not seen.
"""

import json
from pathlib import Path

import numpy as np
import polars as pl
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from components import progress
from components.encoder import Encoder
from components.records.messages import Message

PENALTIES = (0.1, 1.0, 10.0)  # inverse strengths, once the features have unit size
FOLDS = 5


class FeatureReward:
    """A fitted head.

    Attributes:
        encoder: the frozen encoder.
        mean, deviation: of the response layers over the training answers, shape (layers * width,).
        sizes: root mean square of each block of features, shape (2,).
        weights: shape (layers * width + width,), temperature included.
    """

    def __init__(
        self, encoder: Encoder, mean: np.ndarray, deviation: np.ndarray, sizes: np.ndarray, weights: np.ndarray
    ) -> None:
        self.encoder, self.mean, self.deviation, self.sizes, self.weights = encoder, mean, deviation, sizes, weights

    @classmethod
    def fit(cls, encoder: Encoder, pairs: pl.DataFrame, groups: pl.Series) -> "FeatureReward":
        """Learn from preferences.

        Args:
            encoder: the frozen encoder.
            pairs: `prompt`, `chosen`, `rejected` (texts), `weight` (how much each counts), shape (n,).
            groups: name of each pair's prompt group, shape (n,); a group is never on both sides of a fold.
        """
        texts = pl.concat([pairs["chosen"], pairs["rejected"]])
        layers = encoder.encode(texts, "Read the answers")
        mean = layers.mean(axis=0)
        # A dimension that hardly moves must not be blown up to the size of the others.
        deviation = np.maximum(layers.std(axis=0), 1e-3 * layers.std())
        width = len(mean) + encoder.width
        head = cls(encoder, mean, deviation, np.ones(2, np.float32), np.zeros(width, np.float32))
        difference = head._features(pairs["prompt"], pairs["chosen"]) - head._features(
            pairs["prompt"], pairs["rejected"]
        )
        head.sizes = np.array([_size(difference[:, : len(mean)]), _size(difference[:, len(mean) :])], np.float32)
        difference /= np.repeat(head.sizes, [len(mean), encoder.width])
        with progress.step("Fit the reward head", len(PENALTIES)) as advance:
            head.weights = _fit(difference, pairs["weight"].to_numpy(), groups.to_numpy(), advance)
        return head

    def score(self, prompts: list[list[Message]], responses: list[str]) -> np.ndarray:
        """Logits, shape (n,): sigmoid of a difference is the probability of being preferred."""
        asked = pl.Series([last_user_turn(prompt) for prompt in prompts], dtype=pl.String)
        features = self._features(asked, pl.Series(responses, dtype=pl.String))
        return (features / np.repeat(self.sizes, [len(self.mean), self.encoder.width])) @ self.weights

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / "head.npz",
            mean=self.mean,
            deviation=self.deviation,
            sizes=self.sizes,
            weights=self.weights,
        )
        (folder / "encoder.json").write_text(json.dumps({"name": self.encoder.name}))

    @classmethod
    def load(cls, folder: Path, memory: Path | None = None) -> "FeatureReward":
        encoder = Encoder(json.loads((folder / "encoder.json").read_text())["name"], memory)
        with np.load(folder / "head.npz") as kept:
            return cls(encoder, kept["mean"], kept["deviation"], kept["sizes"], kept["weights"])

    def _features(self, asked: pl.Series, responses: pl.Series) -> np.ndarray:
        """phi, shape (n, layers * width + width)."""
        answers = self.encoder.encode(responses, "Read the answers")
        questions = self.encoder.encode(asked, "Read the prompts")
        words = responses.str.count_matches(r"\S+").to_numpy()[:, None]
        shape = (answers - self.mean) / self.deviation * (words + 2.0) ** 0.25
        last = slice(-self.encoder.width, None)
        return np.hstack([shape, _unit(questions[:, last]) * _unit(answers[:, last])]).astype(np.float32)


def last_user_turn(prompt: list[Message]) -> str:
    """What the answer answers."""
    return next((turn["content"] for turn in reversed(prompt) if turn["role"] == "user"), prompt[-1]["content"])


def _size(block: np.ndarray) -> float:
    """Root mean square length of the rows."""
    return float(np.sqrt((block**2).sum(axis=1).mean())) or 1.0


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _fit(difference: np.ndarray, counts: np.ndarray, groups: np.ndarray, advance: progress.Advance) -> np.ndarray:
    """Weights over temperature, for the penalty with the best held-out log-likelihood."""
    folds = min(FOLDS, len(np.unique(groups)))
    best: tuple[float, float, float] | None = None
    for done, penalty in enumerate(PENALTIES, start=1):
        margins = np.zeros(len(difference))
        for train, held in GroupKFold(folds).split(difference, groups=groups):
            margins[held] = difference[held] @ _logistic(difference[train], counts[train], penalty)
        found = minimize_scalar(
            lambda heat, m=margins: _loss(m * np.exp(-heat), counts), bounds=(-3, 3), method="bounded"
        )
        if best is None or found.fun < best[0]:
            best = (found.fun, penalty, float(np.exp(found.x)))
        advance(done)
    assert best is not None
    _, penalty, temperature = best
    return (_logistic(difference, counts, penalty) / temperature).astype(np.float32)


def _logistic(difference: np.ndarray, counts: np.ndarray, penalty: float) -> np.ndarray:
    """Weights of the logistic regression through the origin. Every second pair is turned, to have both answers."""
    turned = np.where(np.arange(len(difference)) % 2, -1.0, 1.0).astype(np.float32)
    model = LogisticRegression(C=penalty, fit_intercept=False, max_iter=200)
    return model.fit(difference * turned[:, None], turned, sample_weight=counts).coef_[0]


def _loss(margins: np.ndarray, counts: np.ndarray) -> float:
    return float(np.average(np.logaddexp(0, -margins), weights=counts))
