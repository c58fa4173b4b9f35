"""What can be learned. An objective is one file and one line here: the kind of model, and the trainer for it."""

from typing import Any, Protocol

from transformers import Trainer

from components.training.models import Kind
from components.training.objectives import language, preference, reward, supervised


class Objective(Protocol):
    KIND: Kind

    def trainer(self, *, arguments: dict[str, Any], options: dict[str, Any], **parts: Any) -> Trainer: ...


OBJECTIVES: dict[str, Objective] = {
    "language": language,
    "supervised": supervised,
    "preference": preference,
    "reward": reward,
}
