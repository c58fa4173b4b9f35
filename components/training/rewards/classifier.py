"""A reward model as a whole sequence classifier, trained by TRL's RewardTrainer (see `objectives.reward`)."""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from components import progress
from components.records.messages import Message

BATCH = 16  # conversations a forward pass


class ClassifierReward:
    """A trained classifier in its folder.

    Args:
        folder: a saved Transformers model with one output, and its tokenizer.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        self.model.to("cuda" if torch.cuda.is_available() else "cpu")

    @torch.inference_mode()
    def score(self, prompts: list[list[Message]], responses: list[str]) -> np.ndarray:
        """Logits, shape (n,)."""
        rows = [
            self.tokenizer.apply_chat_template(
                [*prompt, {"role": "assistant", "content": response}], tokenize=False, add_generation_prompt=False
            )
            for prompt, response in zip(prompts, responses, strict=True)
        ]
        scores: list[np.ndarray] = []
        with progress.step("Score the answers", len(rows)) as advance:
            for start in range(0, len(rows), BATCH):
                batch = self.tokenizer(
                    rows[start : start + BATCH],
                    padding=True,
                    truncation=True,
                    add_special_tokens=False,
                    return_tensors="pt",
                )
                logits = self.model(**batch.to(self.model.device)).logits[:, 0]
                scores.append(logits.float().cpu().numpy())
                advance(start + BATCH)
        return np.concatenate(scores) if scores else np.zeros(0)

    def save(self, folder: Path) -> None:
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    @classmethod
    def load(cls, folder: Path, memory: Path | None = None) -> "ClassifierReward":
        return cls(folder)
