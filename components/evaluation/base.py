"""How likely the base model finds what a challenger says. Knows nothing of how the one became the other."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import AutoTokenizer

from components import journal
from components.evaluation.likelihood import weigh
from components.evaluation.policies import open_policy
from components.hub import place
from components.records.messages import Message


@dataclass(frozen=True)
class Base:
    """The model that everything started from.

    Attributes:
        name: a folder or hub name.
        revision: branch, tag or commit of a hub model.
    """

    name: str
    revision: str


def weigh_by_base(
    base: Base, challenger: str | Path, prompts: list[list[Message]], answers: list[str]
) -> np.ndarray | None:
    """The log-probability of each answer under the base model, in the challenger's chat template and tokens.

    Args:
        base: which model.
        challenger: path of the model whose answers they are.
        prompts: n conversations.
        answers: n texts.

    Returns:
        Nats, shape (n,). None where the base model is not to be had any more, or where its vocabulary is another than
        the challenger's, so that it is not what the challenger was made from.
    """
    try:
        model, own = open_policy(place(base.name, base.revision), "auto", base.revision)
    except (OSError, ValueError) as error:
        journal.trouble("evaluation", "weigh by the base model", error=str(error))
        return None
    tokenizer = AutoTokenizer.from_pretrained(challenger)
    if own.get_vocab() != tokenizer.get_vocab():
        return None
    return weigh(model, tokenizer, prompts, answers, label="The base model weighs the challenger's answers")[0]
