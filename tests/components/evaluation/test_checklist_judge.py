"""Answers judged by what users said they want, by a model that a test scripts over real HTTP."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from components.config.settings import Endpoint as Settings
from components.endpoint import Endpoint
from components.evaluation.judges import compare
from components.evaluation.judges.checklist import ChecklistJudge
from components.records.errors import BadInput
from components.records.messages import Message
from components.records.schemas import Checklist, as_records, empty

Body = dict[str, Any]


def prompt(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


def told(body: Body) -> dict[str, Any]:
    return json.loads(body["messages"][-1]["content"])


def verdict(better: str) -> str:
    return json.dumps({"why": "because", "better": better})


def obedient(body: Body) -> str:
    """Prefers the shorter answer where a wish says so, else the longer."""
    asked = told(body)
    short = any("shorter" in wish for wish in asked["wishes"])
    first, second = len(asked["first"]), len(asked["second"])
    return verdict("neither" if first == second else "first" if (first < second) == short else "second")


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., ChecklistJudge]:
    def make(url: str, checklists: pl.DataFrame | None = None, **settings: object) -> ChecklistJudge:
        endpoint = Endpoint(Settings(**{"base_url": url, "model": "m", **settings}), tmp_path / "answers.db")
        return ChecklistJudge(endpoint, empty(Checklist) if checklists is None else checklists)

    return make


def test_the_users_own_words_decide_and_prompts_without_are_judged_by_themselves(
    serving: Callable, judge: Callable
) -> None:
    rows = [
        {"prompt": prompt("tea"), "wishes": ["shorter please", "no lists"], "rater": "ada", "source": "t"},
        {"prompt": prompt("tea"), "wishes": ["no lists", "in German"], "rater": "bob", "source": "t"},
    ]
    checklists = as_records(pl.DataFrame(rows), Checklist)
    server = serving(obedient)
    prompts = [prompt("tea"), prompt("bread"), prompt("rice"), prompt("soup")]
    verdicts = compare(
        judge(server.url, checklists), prompts, ["short", "short", "same", "even"], ["longer", "longer", "same", "text"]
    )
    assert verdicts.challenger_wins.tolist() == [1.0, 0.0, 0.5, 0.5]
    assert verdicts.consistent.all()
    wishes = [told(body)["wishes"] for body in server.asked]
    assert wishes.count(["shorter please", "no lists", "in German"]) == 2
    assert wishes.count([]) == 4  # two orders of two; answers that are the same are not asked about


def test_a_liking_for_the_first_place_shows_as_a_tie_that_is_not_consistent(serving: Callable, judge: Callable) -> None:
    verdicts = compare(judge(serving(lambda body: verdict("first")).url), [prompt("tea")], ["a"], ["b"])
    assert (verdicts.challenger_wins.tolist(), verdicts.consistent.tolist()) == ([0.5], [False])


def test_a_missing_verdict_is_none_and_told(
    serving: Callable, judge: Callable, reply: type, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(body: Body) -> object:
        if told(body)["first"] == "odd":
            return '{"why": "?", "better": "both"}'
        return reply(None, refusal="no") if told(body)["first"] == "rude" else f"Well… {verdict('first')}"

    said = judge(serving(script).url).prefer([prompt(str(i)) for i in range(4)], ["odd", "rude", "a", "b"], ["x"] * 4)
    assert np.isnan(said).tolist() == [True, True, False, False]
    assert said[2:].tolist() == [1.0, 1.0]
    assert "2 of 4 without an answer" in " ".join(capsys.readouterr().err.split())


def test_a_judge_that_mostly_does_not_judge_is_no_judge(serving: Callable, judge: Callable) -> None:
    server = serving(obedient)
    prompts, first, second = [prompt(str(i)) for i in range(6)], ["long"] * 6, ["s"] * 6
    with pytest.raises(BadInput, match=r"only 2 of 6 verdicts were given; the budget of 2 .*\(evaluate.judge\)"):
        judge(server.url, budget=2).prefer(prompts, first, second)
    assert judge(server.url).prefer(prompts, first, second).tolist() == [1.0] * 6
    assert len(server.asked) == 6


def test_long_answers_are_judged_by_both_their_ends(serving: Callable, judge: Callable) -> None:
    server = serving(lambda body: verdict("second"))
    assert judge(server.url).prefer([prompt("tea")], ["begin" + "x" * 50_000 + "end"], ["y"]).tolist() == [0.0]
    seen = told(server.asked[0])["first"]
    assert (seen[:5], seen[-3:], len(seen) < 13_000) == ("begin", "end", True)
