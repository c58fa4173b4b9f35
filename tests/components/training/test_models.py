"""Whatever a model comes with, it trains; what is no model says so, soon."""

import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from components.config import Settings
from components.records.errors import BadInput
from components.training import jobs, launch, models, scratch
from components.training.job import Job

Having = Callable[..., Settings]


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("name", ["nobody-at-all/no-such-model", "no-such-model", "/no/such/folder", "a folder"])
def test_what_is_no_model_is_bad_input_within_seconds_however_many_processes(
    name: str, processes: int, having: Having, pairs: pl.DataFrame, tmp_path: Path
) -> None:
    if name == "a folder":
        name = str(tmp_path)
        (tmp_path / "notes.txt").write_text("no model")
    job = jobs.supervised(having("train", processes=processes), name, pairs[:8], pairs[8:10], tmp_path / "job", None)
    began = time.monotonic()
    with pytest.raises(BadInput, match=rf"no model can be loaded from '{name}'.*\(base\.model\)\. Name a folder"):
        launch.run(job)
    assert time.monotonic() - began < 15


def test_a_model_that_came_without_padding_and_chat_template_learns_to_chat_and_to_stop(
    having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    tokenizer = AutoTokenizer.from_pretrained(base)
    scratch.language_model(tokenizer, seed=3).save_pretrained(bare)
    tokenizer.pad_token = tokenizer.chat_template = None
    tokenizer.save_pretrained(bare)
    kept = AutoTokenizer.from_pretrained(bare)
    assert kept.pad_token is kept.chat_template is None

    settings = having("sft", epochs=4.0, batch_size=8)
    final = launch.run(jobs.supervised(settings, str(bare), pairs[:64], pairs[64:68], tmp_path / "job", None))
    tokenizer = AutoTokenizer.from_pretrained(final)
    assert tokenizer.pad_token == tokenizer.eos_token == scratch.END
    said = [*pairs["prompt"].to_list()[0], *pairs["chosen"].to_list()[0]]
    tokens = tokenizer.apply_chat_template(said, return_tensors="pt")["input_ids"]
    assert tokens[0, -1] == tokenizer.eos_token_id
    chance = AutoModelForCausalLM.from_pretrained(final)(tokens).logits[0, -2].softmax(0)[tokenizer.eos_token_id]
    assert chance > 0.01  # by chance 0.0005: the end is learned, though it is also the padding


def job(**changes: object) -> Job:
    told = {"label": "", "objective": "preference", "base": "", "train": "", "output": "", "epochs": 1, "batch_size": 1}
    return Job(**told | changes)


def sized(width: int) -> LlamaForCausalLM:
    """A model that takes no memory."""
    with torch.device("meta"):
        return LlamaForCausalLM(LlamaConfig(hidden_size=width, intermediate_size=4 * width, num_hidden_layers=24))


@pytest.mark.parametrize(
    ("width", "objective", "rate"),
    [
        (64, "preference", 1e-4),
        (64, "supervised", 1e-3),
        (1024, "preference", 1e-6),
        (1024, "reward", 2e-5),
        (3072, "preference", 5e-7),
        (3072, "supervised", 1e-5),
    ],
)
def test_the_automatic_learning_rate_falls_with_size(width: int, objective: str, rate: float) -> None:
    model = sized(width)
    assert models.arguments(job(objective=objective), model)["learning_rate"] == rate
    assert models.arguments(job(objective=objective, lora_rank=8), model)["learning_rate"] == pytest.approx(10 * rate)


def test_a_learning_rate_that_is_named_is_taken_as_it_is() -> None:
    for rank in (0, 8):
        asked = job(learning_rate=7e-5, lora_rank=rank)
        assert models.arguments(asked, sized(64))["learning_rate"] == 7e-5


def test_lora_trains_few_weights(base: str) -> None:
    from peft import get_peft_model

    tokenizer = models.load_tokenizer(base, "main")
    for kind in ("language", "classifier"):
        model = get_peft_model(models.load(base, "main", kind, tokenizer), models.lora(4, kind))
        few, all_of_them = model.get_nb_trainable_parameters()
        assert 0 < few < 0.06 * all_of_them
    assert models.lora(0, "language") is None
