"""A log-likelihood is a property of one answer, not of what else is in its batch."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from components.evaluation.likelihood import log_likelihood
from components.records.messages import Message
from components.training.scratch import CONTEXT

PROMPTS: list[list[Message]] = [
    [{"role": "user", "content": "What is red?"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which animal is the biggest? " * 6}],
    [{"role": "user", "content": "hi"}],
    [{"role": "user", "content": "Überraschung 🎉"}],
]
RESPONSES = ["A rose is red.", "The whale.", "", "ja, " * 40]


def by_hand(model_path: Path, vocabulary: PreTrainedTokenizerFast, prompt: list[Message], response: str) -> float:
    """One token after the other, with no batch, no padding and no mask."""
    model = AutoModelForCausalLM.from_pretrained(model_path)
    before = vocabulary.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)
    total = 0.0
    for token in [*vocabulary(response)["input_ids"], vocabulary.eos_token_id]:
        with torch.no_grad():
            total += float(model(torch.tensor([before])).logits[0, -1].double().log_softmax(0)[token])
        before = [*before, token]
    return total


def test_it_is_the_sum_over_the_response_with_its_end(
    policies: tuple[Path, Path], vocabulary: PreTrainedTokenizerFast
) -> None:
    logp, tokens = log_likelihood(policies[0], PROMPTS[:3], RESPONSES[:3], label="weighing")
    expected = [by_hand(policies[0], vocabulary, *pair) for pair in zip(PROMPTS[:3], RESPONSES[:3], strict=True)]
    assert logp == pytest.approx(expected, abs=1e-3)
    assert tokens.tolist() == [len(vocabulary(response)["input_ids"]) + 1 for response in RESPONSES[:3]]
    assert tokens[2] == 1  # an empty answer is its end token


def test_it_does_not_depend_on_the_batch_or_the_order(policies: tuple[Path, Path]) -> None:
    together, _ = log_likelihood(policies[0], PROMPTS * 20, RESPONSES * 20, label="weighing")  # 80: two batches
    for prompt, response, *found in zip(PROMPTS, RESPONSES, *together.reshape(20, 4), strict=True):
        alone, _ = log_likelihood(policies[0], [prompt], [response], label="weighing")
        assert found == pytest.approx(np.full(20, alone[0]), abs=1e-3)


def test_what_a_model_was_taught_is_likely_and_the_answer_to_another_question_is_not(
    taught: Path, lessons: dict[str, str]
) -> None:
    prompts: list[list[Message]] = [[{"role": "user", "content": question}] for question in lessons]
    answers = list(lessons.values())
    right, _ = log_likelihood(taught, prompts, answers, label="weighing")
    wrong, _ = log_likelihood(taught, prompts, answers[1:] + answers[:1], label="weighing")
    assert (right > -1).all()
    assert (wrong < -5).all()


def test_what_exceeds_the_context_keeps_the_response(policies: tuple[Path, Path]) -> None:
    long: list[Message] = [{"role": "user", "content": "word " * 3000}]
    logp, tokens = log_likelihood(policies[0], [long, long], ["A rose.", "rose " * 3000], label="weighing")
    assert np.isfinite(logp).all()
    assert tokens[0] < 20
    assert tokens[1] == CONTEXT - 1


def test_nothing_is_weighed_as_nothing(policies: tuple[Path, Path]) -> None:
    logp, tokens = log_likelihood(policies[0], [], [], label="weighing")
    assert logp.shape == tokens.shape == (0,)
