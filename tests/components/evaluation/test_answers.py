"""A model's answers are its own: whatever the order, the batch and the dice rolled before."""

from pathlib import Path

import pytest
import torch

from components.evaluation.answers import answer
from components.records.errors import BadInput
from components.records.messages import Message


def asking(*texts: str) -> list[list[Message]]:
    return [[{"role": "user", "content": text}] for text in texts]


def greedy(model: Path, prompts: list[list[Message]], max_new_tokens: int = 40) -> list[str]:
    return answer(model, prompts, max_new_tokens=max_new_tokens, temperature=0, seed=0, label="answers").texts


def sampled(model: Path, prompts: list[list[Message]], seed: int, temperature: float = 1.0) -> list[str]:
    return answer(model, prompts, max_new_tokens=10, temperature=temperature, seed=seed, label="answers").texts


def test_each_prompt_gets_its_own_answer_in_its_own_place_and_no_special_tokens(
    taught: Path, lessons: dict[str, str]
) -> None:
    questions = [*lessons, *reversed(lessons)] * 10  # 80 prompts of unequal length: more than one batch
    assert greedy(taught, asking(*questions)) == [lessons[question] for question in questions]


def test_an_answer_is_cut_where_it_is_told_to(taught: Path, lessons: dict[str, str]) -> None:
    (short,) = greedy(taught, asking("Say hi"), max_new_tokens=2)
    assert 0 < len(short) < len(lessons["Say hi"])
    assert lessons["Say hi"].startswith(short)


def test_sampling_follows_its_seed_and_leaves_other_dice_alone(policies: tuple[Path, Path]) -> None:
    prompts = asking("one", "two words", "three whole words")
    torch.manual_seed(1)
    first = sampled(policies[0], prompts, seed=5)
    after = torch.rand(1)
    torch.manual_seed(2)
    torch.rand(3)
    assert sampled(policies[0], prompts, seed=5) == first
    assert sampled(policies[0], prompts, seed=6) != first
    torch.manual_seed(1)
    assert torch.rand(1) == after


def test_a_temperature_near_zero_is_greedy(policies: tuple[Path, Path]) -> None:
    prompts = asking("one", "two words", "three whole words")
    assert sampled(policies[0], prompts, seed=1, temperature=1e-4) == greedy(policies[0], prompts, max_new_tokens=10)


def test_a_prompt_longer_than_the_context_is_answered_from_its_end(taught: Path) -> None:
    (text,) = greedy(taught, [[{"role": "system", "content": "word " * 3000}, *asking("Cold?")[0]]])
    assert isinstance(text, str)


def test_room_for_the_prompt_is_asked_for(taught: Path) -> None:
    with pytest.raises(BadInput, match="max_new_tokens = 1024"):
        greedy(taught, asking("Cold?"), max_new_tokens=1024)


def test_no_prompts_no_answers(taught: Path) -> None:
    assert greedy(taught, []) == []
