"""On several processes the same job gives one model and one set of curves."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from components.config import Settings
from components.training import jobs, launch
from components.training.job import Tracking

Having = Callable[..., Settings]

pytestmark = pytest.mark.skipif(torch.cuda.device_count() == 1, reason="two processes cannot share one GPU")


def test_two_processes_share_the_work_and_speak_with_one_voice(
    having: Having,
    base: str,
    pairs: pl.DataFrame,
    tracking: Tracking,
    curve: Callable[[str], list[int]],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings = having("train", processes=2, batch_size=4)
    final = launch.run(jobs.preference(settings, base, pairs[:80], pairs[80:88], tmp_path, tracking))
    assert curve("loss") == [5, 10]  # 80 pairs, 4 at a time, take one process 20 steps
    assert curve("eval_loss") == [10]
    assert capfd.readouterr().err.count("Optimise preferences (DPO): prepare") <= 1
    tokenizer, model = AutoTokenizer.from_pretrained(final), AutoModelForCausalLM.from_pretrained(final)
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], return_tensors="pt")
    assert model(**asked).logits.isfinite().all()
    assert (model.lm_head.weight - AutoModelForCausalLM.from_pretrained(base).lm_head.weight).abs().max() > 1e-5
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"final"}


def test_a_process_that_fails_names_the_job(having: Having, base: str, pairs: pl.DataFrame, tmp_path: Path) -> None:
    job = jobs.supervised(having("train", processes=2), base, pairs[:8], pairs[8:10], tmp_path, None)
    job.train.write_bytes(b"no parquet")
    with pytest.raises(RuntimeError, match=r"2 processes .* exit code 1: Fine-tune on the chosen answers"):
        launch.run(job)
    assert not job.final.exists()
