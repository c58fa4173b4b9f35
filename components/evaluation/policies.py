"""Opens a policy for measuring, and turns conversations into its tokens. Knows nothing of what is measured."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from components.records.messages import Message

Tokens = list[int]


def open_policy(
    model_path: str | Path, gpu_dtype: torch.dtype | str, revision: str = "main"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model and its tokenizer: on the GPU where there is one, else in float32 on the CPU.

    Args:
        model_path: a folder or hub name.
        gpu_dtype: the precision on a GPU; "auto" for the one the weights were saved in.
        revision: branch, tag or commit of a hub model.
    """
    gpu = torch.cuda.is_available()
    dtype = gpu_dtype if gpu else torch.float32
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=dtype, revision=revision)
    return model.to("cuda" if gpu else "cpu").eval(), AutoTokenizer.from_pretrained(model_path, revision=revision)


def context_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """The most tokens the model can look at."""
    return int(getattr(model.config.get_text_config(), "max_position_embeddings", tokenizer.model_max_length))


def prompt_tokens(tokenizer: PreTrainedTokenizerBase, prompts: list[list[Message]]) -> list[Tokens]:
    """Each conversation in the model's chat template, up to where its answer begins."""
    return tokenizer.apply_chat_template(prompts, add_generation_prompt=True, return_dict=False) if prompts else []


def response_tokens(tokenizer: PreTrainedTokenizerBase, responses: list[str]) -> list[Tokens]:
    """Each answer as the model would write it: its tokens, then the end token."""
    if not responses:
        return []
    return [[*tokens, tokenizer.eos_token_id] for tokens in tokenizer(responses, add_special_tokens=False)["input_ids"]]


def count_tokens(model_path: str | Path, responses: list[str]) -> list[int]:
    """How long each answer is in this model's tokens, the end token included."""
    return [len(tokens) for tokens in response_tokens(AutoTokenizer.from_pretrained(model_path), responses)]


def padding(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that fills up shorter rows of a batch."""
    return tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
