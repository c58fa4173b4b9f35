"""Direct preference optimisation (https://arxiv.org/abs/2305.18290), with every `loss_type` of TRL's DPOTrainer.

    loss = -log sigmoid(beta * ((log pi(chosen) - log ref(chosen)) - (log pi(rejected) - log ref(rejected))))
           - sft_weight * log pi(chosen) / tokens

The second term (https://arxiv.org/abs/2404.19733) keeps likelihood on answers people like: without it, DPO may lower
both answers and raise what nobody ever wrote (https://arxiv.org/abs/2402.13228).

Rows: `prompt`, `chosen`, `rejected`, conversations. The reference is the model the run starts from.
"""

from typing import Any

import polars as pl
from trl import DPOConfig, DPOTrainer

from components.config.settings import Train
from components.records.errors import BadInput
from components.training.models import Kind

KIND: Kind = "language"


def rows(preferences: pl.DataFrame) -> pl.DataFrame:
    """The columns DPO learns from."""
    return preferences.select("prompt", "chosen", "rejected")


def options(train: Train) -> dict[str, Any]:
    """What DPO alone is told.

    Raises:
        BadInput: the settings do not go together.
    """
    if train.loss_type == "exo_pair" and not train.label_smoothing:
        raise BadInput(
            "loss_type exo_pair is infinite where no label is believed flipped",
            "train.label_smoothing",
            "Set it above 0, as 0.001.",
        )
    return train.model_dump(include={"loss_type", "sft_weight", "beta", "label_smoothing"})


def trainer(*, arguments: dict[str, Any], options: dict[str, Any], **parts: Any) -> DPOTrainer:
    """TRL's DPOTrainer; options are `loss_type`, `sft_weight`, `beta` and `label_smoothing`."""
    weights = {options["loss_type"]: 1.0}
    if options["sft_weight"]:
        weights["sft"] = weights.get("sft", 0.0) + options["sft_weight"]
    loss = {"loss_type": list(weights), "loss_weights": list(weights.values())}
    held = {"beta": options["beta"], "label_smoothing": options["label_smoothing"]}
    # The reference never moves, so its log-probabilities are computed once instead of at every step.
    return DPOTrainer(args=DPOConfig(precompute_ref_log_probs=True, **loss, **held, **arguments), **parts)
