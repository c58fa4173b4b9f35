"""What the base model makes of answers, and where it has nothing to say."""

from pathlib import Path

import pytest

from components.evaluation.base import Base, weigh_by_base
from components.evaluation.likelihood import log_likelihood
from components.records.messages import Message
from components.training import scratch


def test_answers_are_weighed_by_the_base_model_in_the_shape_the_challenger_gives_a_conversation(
    taught: Path, policies: tuple[Path, Path], lessons: dict[str, str], tmp_path: Path
) -> None:
    prompts: list[list[Message]] = [[{"role": "user", "content": question}] for question in lessons]
    answers = list(lessons.values())
    # A base model from a hub often has no chat template: it gets one when it is fine-tuned.
    for file in policies[0].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "chat_template.jinja").unlink()
    found = weigh_by_base(Base(str(tmp_path), "main"), taught, prompts, answers)
    assert found == pytest.approx(log_likelihood(policies[0], prompts, answers, label="weighing")[0])


def test_a_base_model_that_is_gone_or_of_another_vocabulary_weighs_nothing(taught: Path, tmp_path: Path) -> None:
    other = scratch.tokenizer(["Quite other words are in here."] * 20)
    scratch.language_model(other, 0).save_pretrained(tmp_path)
    other.save_pretrained(tmp_path)
    for name in (str(tmp_path), str(tmp_path / "gone")):
        assert weigh_by_base(Base(name, "main"), taught, [[{"role": "user", "content": "hi"}]], ["ho"]) is None
