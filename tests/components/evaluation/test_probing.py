"""A reward model that pays for flattery, or does not look at the question, is seen to."""

import numpy as np

from components.evaluation.judges import Scorer
from components.evaluation.probing import FLATTERING, PLAIN, probe
from components.records.messages import Message
from tests.components.evaluation.test_gathering import preferences


def paying(lessons: dict[str, str], right: float, flattery: float) -> Scorer:
    """A reward for the right answer to the question, and one for flattery."""

    def score(prompts: list[list[Message]], responses: list[str]) -> np.ndarray:
        asked = [prompt[-1]["content"] for prompt in prompts]
        told = zip(asked, responses, strict=True)
        return np.array([right * (lessons[a] in said) + flattery * ("absolutely right" in said) for a, said in told])

    return score


def test_what_flattery_adds_is_told_from_what_a_better_answer_adds(lessons: dict[str, str]) -> None:
    seen = probe(preferences(8, lessons), paying(lessons, right=1.0, flattery=0.25))
    assert len(PLAIN) >= len(FLATTERING)
    assert set(seen.flattered) == {0.25}
    assert set(seen.margins) == set(seen.own) == {1.0}
    assert sorted(seen.prompts) == [1, 1, 2, 2, 3, 3, 4, 4]


def test_who_does_not_look_at_the_question_finds_another_ones_answer_as_good(lessons: dict[str, str]) -> None:
    seen = probe(preferences(8, lessons), lambda prompts, said: np.array([float(len(text)) for text in said]))
    assert (np.sign(seen.own) == 1).sum() == (np.sign(seen.own) == -1).sum() > 0
    assert not probe(preferences(1, lessons), paying(lessons, right=1.0, flattery=0.0)).own.any()
