"""Lets a model answer prompts. Knows nothing of what becomes of the answers."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from components.evaluation.policies import Tokens, context_of, open_policy, padding, prompt_tokens
from components.progress import step
from components.records.errors import BadInput
from components.records.messages import Message

BATCH = 64


@dataclass(frozen=True)
class Answered:
    """What a model answered to n prompts.

    Attributes:
        texts: without special tokens, in the order of the prompts, length n.
        seconds: the time its batch took, shared out to the answers in it, shape (n,).
    """

    texts: list[str]
    seconds: np.ndarray


def answer(
    model_path: str | Path,
    prompts: list[list[Message]],
    *,
    max_new_tokens: int,
    temperature: float,
    seed: int,
    label: str,
) -> Answered:
    """One answer to every prompt; in bfloat16 on a GPU where there is one.

    The same model, prompts and seed give the same answers, whatever else has drawn random numbers before. A prompt
    longer than the model's context loses its beginning.

    Args:
        model_path: a folder or hub name; its tokenizer has a chat template.
        prompts: n conversations, each ending with what the user asked.
        max_new_tokens: where an answer is cut off.
        temperature: 0 answers greedily.
        seed: of the sampling.
        label: what a person at the terminal is shown.

    Returns:
        n answers, and how long they took.

    Raises:
        BadInput: max_new_tokens leaves the model no room for a prompt.
    """
    if not prompts:
        return Answered([], np.zeros(0))
    model, tokenizer = open_policy(model_path, torch.bfloat16)
    room = context_of(model, tokenizer) - max_new_tokens
    if room < 1:
        what = f"evaluate.max_new_tokens = {max_new_tokens} fills the model's whole context"
        raise BadInput(what, model_path, f"Set it well below {room + max_new_tokens}.")
    tokens = [prompt[-room:] for prompt in prompt_tokens(tokenizer, prompts)]
    by_length = sorted(range(len(tokens)), key=lambda i: len(tokens[i]), reverse=True)
    sampling = _sampling(model, tokenizer, max_new_tokens, temperature)
    answers, seconds = [""] * len(prompts), np.zeros(len(prompts))
    cards = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cards), step(label, total=len(prompts)) as advance:
        torch.manual_seed(seed)
        for start in range(0, len(by_length), BATCH):
            rows = by_length[start : start + BATCH]
            began = time.perf_counter()
            for row, text in zip(rows, _generate(model, tokenizer, [tokens[i] for i in rows], sampling), strict=True):
                answers[row] = text
            seconds[rows] = (time.perf_counter() - began) / len(rows)
            advance(start + len(rows))
    return Answered(answers, seconds)


def _sampling(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_new_tokens: int, temperature: float
) -> GenerationConfig:
    """Plain sampling at a temperature: a model's own taste in top-k or penalties would hide what it learned."""
    style = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature else {}
    return GenerationConfig(
        max_new_tokens=max_new_tokens,
        eos_token_id=model.generation_config.eos_token_id or tokenizer.eos_token_id,
        pad_token_id=padding(tokenizer),
        **style,
    )


@torch.inference_mode()
def _generate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: list[Tokens], sampling: GenerationConfig
) -> list[str]:
    """Answers to one batch, padded on the left so that every answer starts in the same column."""
    width = max(len(prompt) for prompt in prompts)
    padded = [[padding(tokenizer)] * (width - len(prompt)) + prompt for prompt in prompts]
    attended = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    written = model.generate(
        input_ids=torch.tensor(padded, device=model.device),
        attention_mask=torch.tensor(attended, device=model.device),
        generation_config=sampling,
    )
    return tokenizer.batch_decode(written[:, width:], skip_special_tokens=True)
