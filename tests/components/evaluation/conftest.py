"""Tiny policies made once: two with random weights, and one that was taught what to answer."""

from pathlib import Path

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerFast

from components.endpoint import Endpoint
from components.evaluation.judges import Means, Scorer
from components.evaluation.policies import prompt_tokens, response_tokens
from components.records.schemas import Checklist, empty
from components.simulation.judge import TasteJudge
from components.training import scratch

LESSONS = {
    "What is red?": "A rose is red.",
    "Which of all the animals that live in the wide ocean is the very biggest of them?": "The blue whale.",
    "Say hi": "Hello there, dear friend, how are you today?",
    "Cold?": "Ice.",
}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Models this small lose more by waiting for a second thread than it brings, tenfold on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def lessons() -> dict[str, str]:
    """Questions and the answers the taught model knows by heart."""
    return LESSONS


@pytest.fixture(scope="session")
def vocabulary() -> PreTrainedTokenizerFast:
    return scratch.tokenizer([text for pair in LESSONS.items() for text in pair] * 20)


@pytest.fixture(scope="session")
def policies(vocabulary: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two untrained models with one vocabulary."""
    return tuple(
        _saved(scratch.language_model(vocabulary, seed), vocabulary, tmp_path_factory.mktemp("policy"))
        for seed in (0, 1)
    )


@pytest.fixture(scope="session")
def taught(vocabulary: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows the answers to LESSONS by heart."""
    return teach(vocabulary, LESSONS, tmp_path_factory.mktemp("taught"))


def teach(vocabulary: PreTrainedTokenizerFast, lessons: dict[str, str], folder: Path) -> Path:
    """A model that was shown what to answer to each prompt, in a folder."""
    model = scratch.language_model(vocabulary, seed=0).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    asked = prompt_tokens(vocabulary, [[{"role": "user", "content": prompt}] for prompt in lessons])
    pairs = list(zip(asked, response_tokens(vocabulary, list(lessons.values())), strict=True))
    inputs, labels = (
        pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=padding)
        for rows, padding in (
            ([prompt + answer for prompt, answer in pairs], vocabulary.pad_token_id),
            ([[-100] * len(prompt) + answer for prompt, answer in pairs], -100),
        )
    )
    for _ in range(80):
        model(input_ids=inputs, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return _saved(model, vocabulary, folder)


def _saved(model: torch.nn.Module, vocabulary: PreTrainedTokenizerFast, folder: Path) -> Path:
    model.save_pretrained(folder)
    vocabulary.save_pretrained(folder)
    return folder


def means(scorer: Scorer, taught_by: str | None = None) -> Means:
    """All that a judge who asks nobody but the reward model needs."""

    def no_endpoint() -> Endpoint:
        raise AssertionError("this judge asks no language model")

    return Means(scorer, no_endpoint, empty(Checklist), TasteJudge(), taught_by)
