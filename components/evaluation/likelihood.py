"""How likely a model finds given answers. Knows nothing of who wrote them."""

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from components.evaluation.policies import Tokens, context_of, open_policy, prompt_tokens, response_tokens
from components.progress import step
from components.records.messages import Message

BATCH = 64
LOGITS = 2**27  # logits held at once: half a gigabyte in float32
IGNORED = -100  # the target that cross_entropy leaves out


def log_likelihood(
    model_path: str | Path, prompts: list[list[Message]], responses: list[str], *, label: str
) -> tuple[np.ndarray, np.ndarray]:
    """The log-probability of each response to its prompt, in the precision the weights were saved in.

    What is longer than the model's context loses the beginning of its prompt, then the end of its response.

    Args:
        model_path: a folder or hub name; its tokenizer has a chat template.
        prompts: n conversations, each ending with what the user asked.
        responses: n texts.
        label: what a person at the terminal is shown.

    Returns:
        Nats summed over the response's tokens with the end token, shape (n,), and how many tokens those are, (n,).
    """
    if not prompts:
        return np.zeros(0), np.zeros(0, dtype=int)
    return weigh(*open_policy(model_path, "auto"), prompts, responses, label=label)


def weigh(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[list[Message]],
    responses: list[str],
    *,
    label: str,
) -> tuple[np.ndarray, np.ndarray]:
    """As `log_likelihood`, by a model that is open, in the tokens of any tokenizer that has its vocabulary."""
    context = context_of(model, tokenizer)
    answers = [tokens[: context - 1] for tokens in response_tokens(tokenizer, responses)]
    asked = prompt_tokens(tokenizer, prompts)
    asked = [prompt[-(context - len(tokens)) :] for prompt, tokens in zip(asked, answers, strict=True)]
    by_length = sorted(range(len(prompts)), key=lambda i: len(asked[i]) + len(answers[i]), reverse=True)
    logp = np.zeros(len(prompts))
    done = 0
    with step(label, total=len(prompts)) as advance:
        while done < len(prompts):
            longest = by_length[done]
            logits_a_row = (len(asked[longest]) + len(answers[longest])) * model.config.get_text_config().vocab_size
            rows = by_length[done : done + max(1, min(BATCH, LOGITS // logits_a_row))]
            logp[rows] = _batch(model, [asked[i] for i in rows], [answers[i] for i in rows])
            done += len(rows)
            advance(done)
    return logp, np.array([len(tokens) for tokens in answers])


@torch.inference_mode()
def _batch(model: PreTrainedModel, prompts: list[Tokens], responses: list[Tokens]) -> np.ndarray:
    """Log-probabilities of one batch, padded on the right, where a causal model's real tokens cannot see it."""
    rows = [torch.tensor(prompt + response) for prompt, response in zip(prompts, responses, strict=True)]
    inputs = pad_sequence(rows, batch_first=True).to(model.device)
    lengths = torch.tensor([len(row) for row in rows], device=model.device)
    attended = torch.arange(inputs.shape[1], device=model.device) < lengths[:, None]
    targets = torch.full_like(inputs, IGNORED)
    for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        start = len(prompt) - 1  # the prompt's last token is where the response's first is foretold
        targets[row, start : start + len(response)] = torch.tensor(response)
    logits = model(input_ids=inputs, attention_mask=attended.long(), use_cache=False).logits.float()
    nats = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none")
    return -nats.view_as(targets).sum(dim=1, dtype=torch.float64).cpu().numpy()
