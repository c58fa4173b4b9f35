"""Supervised fine-tuning: imitate the answers people chose.

Rows: `prompt` and `completion`, conversations; the loss is on the completion alone.
"""

from typing import Any

import polars as pl
from trl import SFTConfig, SFTTrainer

from components.training.models import Kind

KIND: Kind = "language"


def rows(preferences: pl.DataFrame) -> pl.DataFrame:
    """Each answer that was chosen for a prompt, once."""
    return preferences.select("prompt", completion="chosen").unique(maintain_order=True)


def trainer(*, arguments: dict[str, Any], options: dict[str, Any], **parts: Any) -> SFTTrainer:
    """TRL's SFTTrainer on prompts and completions."""
    return SFTTrainer(args=SFTConfig(completion_only_loss=True, **arguments), **parts)
