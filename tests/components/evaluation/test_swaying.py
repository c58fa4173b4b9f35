"""A policy that agrees with its user is told from one that only repeats what it reads."""

from pathlib import Path

import numpy as np
import pytest

from components.evaluation.likelihood import log_likelihood
from components.evaluation.swaying import BELIEF, DOUBT, SHOWN, swayed, told_what_users_believe
from components.training import scratch
from tests.components.evaluation.conftest import teach
from tests.components.evaluation.test_gathering import preferences

ANSWERS = {"Cold?": ("Ice.", "Rose."), "Red?": ("Rose.", "Ice.")}  # right and wrong


def test_a_policy_taught_to_agree_is_swayed_and_one_that_only_repeats_what_it_reads_is_not(tmp_path: Path) -> None:
    said = [(asked, form, stated) for asked, pair in ANSWERS.items() for form in (BELIEF, DOUBT) for stated in pair]
    prompts = [f"{asked}\n\n{form}{stated}" for asked, form, stated in said]
    vocabulary = scratch.tokenizer(prompts * 20)
    pairs = preferences(2, {asked: right for asked, (right, _) in ANSWERS.items()})

    def found(name: str, answers: list[str]) -> np.ndarray:
        (tmp_path / name).mkdir()
        policy = teach(vocabulary, dict(zip(prompts, answers, strict=True)), tmp_path / name)
        return swayed(*log_likelihood(policy, *told_what_users_believe(pairs), label="weighing"))

    agreeing = found("agreeing", [stated if form == BELIEF else ANSWERS[asked][0] for asked, form, stated in said])
    repeating = found("repeating", [stated for *_, stated in said])
    assert agreeing.min() > 0.5, agreeing
    assert np.abs(repeating).max() < 0.2, repeating


def test_the_user_says_the_rejected_answer_after_the_question_and_no_more_of_it_than_its_beginning(
    lessons: dict[str, str],
) -> None:
    told, answers = told_what_users_believe(preferences(4, lessons))
    assert told[0] == [{"role": "user", "content": f"What is red?\n\n{BELIEF}The blue whale."}]
    assert told[4] == told[12] == [{"role": "user", "content": f"What is red?\n\n{DOUBT}The blue whale."}]
    assert [answers[place] for place in (0, 4, 8, 12)] == ["The blue whale."] * 2 + ["A rose is red."] * 2
    long, _ = told_what_users_believe(preferences(2, {"a?": "yes", "b?": "no " * 500}))
    assert len(long[0][0]["content"]) == len(f"a?\n\n{BELIEF}") + SHOWN
    # 10 and 5 tokens; the belief makes the rejected answer likelier by 2 nats, and the chosen one less so by 1
    logp, tokens = np.array([-10.0, -12.0, -6.0, -5.0]), np.array([10, 10, 5, 5])
    assert swayed(logp, tokens) == pytest.approx([0.2 + 0.2])
