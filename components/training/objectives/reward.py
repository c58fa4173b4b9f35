"""A reward model as a sequence classifier with one output (https://arxiv.org/abs/2203.02155).

    loss = -log sigmoid(reward(prompt, chosen) - reward(prompt, rejected))

Rows: `prompt`, `chosen`, `rejected`, conversations.
"""

from typing import Any

from trl import RewardConfig, RewardTrainer

from components.training.models import Kind

KIND: Kind = "classifier"


def trainer(*, arguments: dict[str, Any], options: dict[str, Any], **parts: Any) -> RewardTrainer:
    """TRL's RewardTrainer."""
    return RewardTrainer(args=RewardConfig(**arguments), **parts)
