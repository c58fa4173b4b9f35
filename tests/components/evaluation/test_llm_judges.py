"""Answers judged by a language model, two at a time or one by one, that a test scripts over real HTTP."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.config.settings import Endpoint as Settings
from components.endpoint import Endpoint
from components.evaluation.judges import Judge, Means, appoint, compare
from components.records.errors import BadInput
from components.records.messages import Message
from components.records.schemas import Checklist, empty
from components.simulation.judge import TasteJudge

PROMPTS: list[list[Message]] = [[{"role": "user", "content": text}] for text in ("tea", "bread", "rice", "soup")]
Body = dict[str, Any]


def told(body: Body) -> dict[str, Any]:
    return json.loads(body["messages"][-1]["content"])


@pytest.fixture
def judge(tmp_path: Path) -> Callable[[str, str], Judge]:
    def make(name: str, url: str) -> Judge:
        endpoint = Endpoint(Settings(base_url=url, model="m"), tmp_path / "answers.db")
        return appoint(name, Means(lambda *_: np.zeros(0), lambda: endpoint, empty(Checklist), TasteJudge()))

    return make


def test_of_two_answers_the_better_wins_and_the_reasons_of_both_orders_are_kept(
    serving: Callable, judge: Callable
) -> None:
    def script(body: Body) -> str:
        if told(body)["conversation"] == "user: rice" and told(body)["first"] == "dry":
            return "I would rather not."
        good = told(body)["first"] == "fine"
        return json.dumps({"why": f"because {told(body)['first']}", "better": "first" if good else "second"})

    server = serving(script)
    answers = ["fine", "dry", "fine", "same"], ["dry", "fine", "dry", "same"]
    verdicts = compare(judge("llm", server.url), PROMPTS, *answers)
    assert verdicts.challenger_wins.tolist() == pytest.approx([1, 0, np.nan, 0.5], nan_ok=True)
    assert verdicts.judged.tolist() == [True, True, False, True]
    assert verdicts.why == [
        "challenger first: because fine\nchampion first: because dry",
        "challenger first: because dry\nchampion first: because fine",
        "challenger first: because fine",
        "",
    ]
    assert len(server.asked) == 6  # nothing is asked for the reasons, or about answers that are the same


def test_of_two_marks_the_higher_wins_and_each_answer_is_marked_once(serving: Callable, judge: Callable) -> None:
    marks = {"fine": "8", "good": "8", "dry": "3", "odd": "11", "none": '"?"'}

    def script(body: Body) -> str:
        return f'Well: {{"why": "so {told(body)["answer"]}", "mark": {marks[told(body)["answer"]]}}}'

    server = serving(script)
    marking = judge("llm score", server.url)
    verdicts = compare(marking, PROMPTS, ["fine", "dry", "fine", "fine"], ["dry", "good", "good", "odd"])
    assert verdicts.challenger_wins.tolist() == pytest.approx([1, 0, 0.5, np.nan], nan_ok=True)
    assert verdicts.consistent.tolist() == [True, True, True, False]
    assert verdicts.why is not None
    assert verdicts.why[0] == "challenger first: 8: so fine / 3: so dry\nchampion first: 3: so dry / 8: so fine"
    assert "no mark" in verdicts.why[3]
    assert len(server.asked) == 8
    with pytest.raises(BadInput, match=r"only 0 of 8 verdicts were given; the reply is not the JSON"):
        compare(marking, PROMPTS, ["none"] * 4, ["odd"] * 4)
