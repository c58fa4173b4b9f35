"""What a language model expects users to say next: a tiny one that has heard pleased and displeased users."""

import itertools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import roc_auc_score
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, set_seed

from components.config import Settings
from components.config.settings import Signals
from components.feedback.signals import FINDING, appoint
from components.feedback.signals.likelihood import DISPLEASED, FOLLOW_UPS, PLEASED
from components.feedback.signals.reactions import REACTION
from components.records.errors import BadInput
from components.training.scratch import tokenizer
from components.workspace import Workspace

TOPICS = ("bread", "soup", "chess", "roses", "paint", "bikes", "tents", "clocks", "kites", "drums", "boats", "maps")
HELD_OUT = ("shoes", "lamps", "goats", "tea")
GOOD = ("Begin with {}, then go slowly.", "For {} you need water and time.", "The best {} come from the north.")
BAD = ("I cannot talk about {}.", "Let us talk of the weather.", "As a model I have no view on {}.")
HAPPY = ("Thank you, that is right.", "Great, that makes sense.", "Perfect, this is really what I needed.")
SORRY = ("No, that is wrong.", "That makes no sense.", "This is not what I asked for at all.")
NEITHER = (("Hello", "Hello. What can I do?", "I have a question."), ("Are you there?", "Yes.", "Go ahead then."))
CONTEXT = 96


def talk(*said: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in zip(itertools.cycle(["user", "assistant"]), said)]


def exchanges(topics: tuple[str, ...]) -> pl.DataFrame:
    """One answer of each kind to a question about each topic; every second is a good one."""
    answers = [answer for pair in zip(GOOD, BAD, strict=True) for answer in pair]
    rows = [(f"Tell me about {topic}", answer.format(topic)) for topic in topics for answer in answers]
    return pl.DataFrame(rows, schema=["asked", "answered"], orient="row")


def reactions(told: pl.DataFrame, kind: str = "copy") -> pl.DataFrame:
    rows = told.with_columns(kind=pl.lit(kind), score=None, text=None)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in REACTION.items() if name not in rows.columns]
    return rows.with_columns(missing).select(*REACTION).cast(dict(REACTION))


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two models: `heard`, which has heard users, and `deaf`, which has not."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("listener")
    talks = [
        talk(asked, answered, reply)
        for i, (asked, answered) in enumerate(exchanges(TOPICS).iter_rows())
        for reply in (SORRY if i % 2 else HAPPY)
    ] + [talk(*said) for said in NEITHER] * 9
    words = tokenizer([text["content"] for said in talks for text in said])
    words.model_max_length = CONTEXT
    set_seed(0)
    small = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    ends = {"bos_token_id": None, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(words), max_position_embeddings=CONTEXT, **small, **ends))
    for name in ("deaf", "heard"):
        words.save_pretrained(place / name)
    model.save_pretrained(place / "deaf")
    batch = words.apply_chat_template(talks, padding=True, return_tensors="pt", return_dict=True)
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    learning = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(120):
        rows = slice(step % 4, None, 4)
        model(
            input_ids=batch["input_ids"][rows], attention_mask=batch["attention_mask"][rows], labels=labels[rows]
        ).loss.backward()
        learning.step()
        learning.zero_grad()
    model.save_pretrained(place / "heard")
    return place


def detector(place: Path, model: str) -> Any:
    return appoint(["likelihood"], Workspace(place, Settings(signals=Signals(language_model=model))))[0]


def signed(found: pl.DataFrame) -> np.ndarray:
    return found.select(
        pl.col("strength") * pl.when(pl.col("polarity") == "satisfied").then(1).otherwise(-1)
    ).to_series()


def test_answers_that_please_are_told_from_those_that_do_not_on_topics_never_heard_of(listener: Path) -> None:
    told = reactions(exchanges(HELD_OUT))
    good = [i % 2 == 0 for i in range(told.height)]
    found = detector(listener, "heard").find(told)
    assert found.schema == FINDING
    assert found["row"].to_list() == list(range(told.height))
    assert roc_auc_score(good, signed(found)) > 0.9
    # The zero lies between them, so that the sign can be believed too.
    assert np.mean((signed(found) > 0).to_numpy() == good) > 0.85
    assert found["strength"].is_between(0, 1).all()
    assert found["strength"].n_unique() == told.height
    said = {"satisfied": PLEASED, "dissatisfied": DISPLEASED}
    assert all(evidence in said[polarity] for polarity, evidence in found.select("polarity", "evidence").rows())
    deaf = detector(listener, "deaf").find(told)
    assert roc_auc_score(good, signed(deaf)) < 0.9
    assert deaf["strength"].max() < found["strength"].max()


def test_it_reads_answers_whatever_the_user_did_and_only_where_they_are_known(listener: Path) -> None:
    likely = detector(listener, "heard")
    known = reactions(exchanges(HELD_OUT).head(2), "abandon")
    unknown = known.with_columns(answered=pl.lit(None, pl.String))
    unasked = known.with_columns(asked=pl.lit(None, pl.String))
    found = likely.find(pl.concat([unknown, known, unasked, known]))
    assert found["row"].to_list() == [2, 3, 4, 5, 6, 7]
    assert found.filter(pl.col("row") < 4).drop("row").equals(found.filter(pl.col("row") > 5).drop("row"))
    assert likely.find(unknown).schema == FINDING
    assert likely.find(known.clear()).is_empty()


@pytest.mark.parametrize("template", [True, False])
def test_each_follow_up_is_as_likely_as_when_it_is_read_alone(listener: Path, tmp_path: Path, template: bool) -> None:
    """Against one plain forward pass for each exchange and follow-up, with no batch, padding or shared memory."""
    shutil.copytree(listener / "heard", tmp_path / "model")
    words = AutoTokenizer.from_pretrained(tmp_path / "model")
    if not template:
        words.chat_template = None
        shutil.rmtree(tmp_path / "model" / "chat_template.jinja", ignore_errors=True)
        (tmp_path / "model" / "chat_template.jinja").unlink(missing_ok=True)
        words.save_pretrained(tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    told = [
        ("Hi", "Yes."),
        ("Tell me about tea", "For tea you need water. " * 3),
        ("Why?", "It is so. " * 60),
        ("", "🙂"),
    ]
    likely = detector(tmp_path, "model")
    nats = likely.log_likelihood(pl.DataFrame(told, schema=["asked", "answered"], orient="row"))

    def tokens(text: str) -> list[int]:
        return words(text, add_special_tokens=False)["input_ids"]

    if template:
        tails = [tokens(f"{follow_up}<|end|>") for follow_up in FOLLOW_UPS]
        heads = [tokens(f"<|user|>{asked}<|end|><|assistant|>{answered}<|end|><|user|>") for asked, answered in told]
    else:
        tails = [tokens(f" {follow_up}\n") for follow_up in FOLLOW_UPS]
        heads = [tokens(f"User: {asked}\nAssistant: {answered}\nUser:") for asked, answered in told]
    room = CONTEXT - max(map(len, tails))
    assert len(heads[2]) > room > len(heads[1])
    for row, head in enumerate(heads):
        for column, tail in enumerate(tails):
            read = torch.tensor([head[-room:] + tail])
            with torch.inference_mode():
                foretold = model(read).logits[0, -len(tail) - 1 : -1].log_softmax(-1)
            alone = foretold[torch.arange(len(tail)), torch.tensor(tail)].sum().item()
            assert nats[row, column] == pytest.approx(alone, abs=1e-3)


def test_another_model_has_another_name_and_the_same_one_the_same(listener: Path, tmp_path: Path) -> None:
    moved = tmp_path / "heard"
    shutil.copytree(listener / "heard", moved)
    name = detector(listener, "heard").name
    assert name.startswith("likelihood/1:heard@")
    assert detector(tmp_path, str(moved)).name == name
    shutil.copy(listener / "deaf" / "model.safetensors", moved / "model.safetensors")
    assert detector(tmp_path, "heard").name != name


def test_a_model_that_is_not_there_is_named(listener: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=r"has no language model to ask \(signals.language_model\)"):
        detector(listener, "")
    (listener / "hollow").mkdir(exist_ok=True)
    with pytest.raises(BadInput, match=r"no language model can be loaded from 'hollow': .*\(signals.language_model\)"):
        detector(listener, "hollow")
