"""Pretraining: predict every token of a conversation.

Rows: `messages`, a conversation.
"""

from typing import Any

from trl import SFTConfig, SFTTrainer

from components.training.models import Kind

KIND: Kind = "language"


def trainer(*, arguments: dict[str, Any], options: dict[str, Any], **parts: Any) -> SFTTrainer:
    """TRL's SFTTrainer with the loss on all tokens."""
    return SFTTrainer(args=SFTConfig(**arguments), **parts)
