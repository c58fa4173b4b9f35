"""Every objective learns what it says, on real trainers."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from components.config import Settings
from components.config.settings import LossType
from components.evaluation.likelihood import log_likelihood
from components.records.errors import BadInput
from components.training import jobs, launch

Having = Callable[..., Settings]


def likelihoods(model: str | Path, pairs: pl.DataFrame, side: str) -> tuple[np.ndarray, np.ndarray]:
    answers = [answer[0]["content"] for answer in pairs[side].to_list()]
    return log_likelihood(model, pairs["prompt"].to_list(), answers, label="weigh")


def margins(model: str | Path, base: str, pairs: pl.DataFrame) -> np.ndarray:
    """DPO's implicit rewards, chosen less rejected, shape (n,)."""
    moved = {s: likelihoods(model, pairs, s)[0] - likelihoods(base, pairs, s)[0] for s in ("chosen", "rejected")}
    return moved["chosen"] - moved["rejected"]


@pytest.mark.parametrize("loss_type", get_args(LossType))
def test_every_loss_moves_the_policy_with_and_without_the_likelihood_term(
    loss_type: str, having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path
) -> None:
    start = AutoModelForCausalLM.from_pretrained(base).lm_head.weight
    ends = []
    for sft_weight in (0.0, 0.5):
        settings = having("train", loss_type=loss_type, sft_weight=sft_weight, label_smoothing=0.1, batch_size=4)
        job = jobs.preference(settings, base, pairs[:8], pairs[8:10], tmp_path / str(sft_weight), None)
        ends.append(AutoModelForCausalLM.from_pretrained(launch.run(job)).lm_head.weight)
        assert ends[-1].isfinite().all()
        assert (ends[-1] - start).abs().max() > 1e-5
    if loss_type != "sft":  # more of the same gradient, which Adam takes for the same
        assert (ends[0] - ends[1]).abs().max() > 1e-6


def test_a_loss_that_cannot_be_without_smoothing_says_so_before_anything_is_loaded(
    having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path
) -> None:
    settings = having("train", loss_type="exo_pair", label_smoothing=0.0)
    with pytest.raises(BadInput, match=r"exo_pair.*\(train\.label_smoothing\)\. .*0\.001"):
        jobs.preference(settings, base, pairs[:8], pairs[8:10], tmp_path, None)


def test_dpo_learns_which_answers_are_preferred(having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path) -> None:
    seen = pairs[:32]
    settings = having("train", batch_size=8, epochs=6.0, learning_rate=5e-4)
    trained = launch.run(jobs.preference(settings, base, seen, pairs[64:68], tmp_path, None))
    assert (margins(base, base, seen) == 0).all()
    assert (margins(trained, base, seen) > 0).mean() > 0.8


def test_the_likelihood_term_holds_up_what_was_chosen(
    having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path
) -> None:
    seen = pairs[:32]
    likely = []
    for sft_weight in (0.0, 1.0):
        settings = having("train", batch_size=8, epochs=2.0, learning_rate=1e-3, sft_weight=sft_weight)
        trained = launch.run(jobs.preference(settings, base, seen, pairs[64:68], tmp_path / str(sft_weight), None))
        likely.append(likelihoods(trained, seen, "chosen")[0].mean())
    assert likely[1] > likely[0] + 5  # nats an answer


def test_fine_tuning_makes_chosen_answers_likely(
    having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path
) -> None:
    seen = pairs[:64]
    trained = launch.run(jobs.supervised(having("sft", epochs=2.0), base, seen, pairs[64:68], tmp_path, None))
    (before, tokens), (after, _) = likelihoods(base, seen, "chosen"), likelihoods(trained, seen, "chosen")
    assert after.sum() / tokens.sum() > before.sum() / tokens.sum() + 0.2  # nats a token


@pytest.mark.parametrize("method", ["preference", "supervised"])
def test_lora_leaves_a_whole_model_in_which_little_has_moved(
    method: str, having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path
) -> None:
    job = getattr(jobs, method)(having("train", lora_rank=4), base, pairs[:32], pairs[32:36], tmp_path, None)
    final = launch.run(job)
    assert not [path.name for path in final.iterdir() if "adapter" in path.name]
    start, end = (AutoModelForCausalLM.from_pretrained(folder).state_dict() for folder in (base, final))
    assert start.keys() == end.keys()
    moved = {name: end[name] - start[name] for name in start if not torch.equal(start[name], end[name])}
    assert len(moved) == 7 * 4  # the linear weights of each of four layers; embeddings and norms stay
    assert {int(torch.linalg.matrix_rank(change, rtol=1e-3)) for change in moved.values()} <= {1, 2, 3, 4}
    tokenizer, model = AutoTokenizer.from_pretrained(final), AutoModelForCausalLM.from_pretrained(final)
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], return_tensors="pt")
    assert model(**asked).logits.isfinite().all()
