"""Answers rewritten to what users said they want, by a model that a test scripts over real HTTP."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from components.config.settings import Endpoint as Settings
from components.endpoint import Endpoint
from components.preferences.building import heard
from components.preferences.revising import revised
from components.records.schemas import Feedback, Interaction, Preference, Signal, as_records

Body = dict[str, Any]
WISHES = {
    "Shorter please": "The answer should be one sentence.",
    "No, the capital is Canberra": "It should say that Canberra is the capital.",
    "Shorter please\nAnd in German": "One sentence in German.",
    "refuse": "Something no model writes.",
    "same": "Just this.",
}


def interaction(question: str, answer: str, *, system: str | None = None) -> dict[str, Any]:
    told = [{"role": "system", "content": system}] if system else []
    said = [*told, {"role": "user", "content": question}]
    return {"prompt": said, "response": [{"role": "assistant", "content": answer}], "source": "test", "language": "en"}


def reaction(about: int, text: str, kind: str = "followup", user: str = "ada", day: int = 1) -> dict[str, Any]:
    return {"about": about, "kind": kind, "text": text, "user": user, "source": "test", "day": day}


def facts(talks: list[dict], reactions: list[dict], read: list[tuple[int, str, float]]) -> pl.DataFrame:
    """What was heard; `read` gives signals as (which reaction, polarity, strength)."""
    interactions = as_records(pl.DataFrame(talks), Interaction)
    ids = interactions["id"].to_list()
    told = pl.DataFrame(reactions).with_columns(
        interaction=pl.Series([ids[each["about"]] for each in reactions]),
        created_at=pl.datetime(2026, 1, pl.col("day"), time_unit="us", time_zone="UTC"),
    )
    feedback = as_records(told, Feedback)
    found = [
        {
            "feedback": feedback["id"][row],
            "interaction": feedback["interaction"][row],
            "polarity": polarity,
            "rubric": "revision",
            "strength": strength,
            "detector": f"test/{i}",
        }
        for i, (row, polarity, strength) in enumerate(read)
    ]
    return heard(feedback, interactions, as_records(pl.DataFrame(found), Signal))


def writer(body: Body) -> str:
    """Names the wish it is asked for, and answers with what it was told to keep to."""
    system, last = body["messages"][0]["content"], body["messages"][-1]["content"]
    if "response_format" in body or '"wish"' in system:
        return json.dumps({"wish": WISHES.get(json.loads(last)["said"])})
    if WISHES["refuse"] in system:
        return "I’m sorry, but I can’t help with that."
    if WISHES["same"] in system:
        return "tea  IS a plant."
    return f"{last} → {system}"


@pytest.fixture
def endpoint(tmp_path: Path) -> Callable[..., Endpoint]:
    return lambda url, **settings: Endpoint(Settings(base_url=url, model="m", **settings), tmp_path / "answers.db")


def test_the_revision_a_user_wished_for_beats_what_they_complained_about(serving: Callable, endpoint: Callable) -> None:
    talks = [
        interaction("Tell me of tea", "Tea is a plant. " * 9),
        interaction("Capital?", "Sydney.", system="Be nice."),
    ]
    reactions = [reaction(0, "Shorter please", day=3), reaction(1, "No, the capital is Canberra", "comment", "bob", 2)]
    told = facts(talks, reactions, [(0, "dissatisfied", 0.5), (0, "dissatisfied", 0.7), (1, "dissatisfied", 0.9)])
    server = serving(writer)
    made = Preference.validate(revised(told, endpoint(server.url)))
    assert made.select("rater", "strength", "weight", "language", "source").rows() == [
        ("bob", 0.9, 1.0, "en", "test"),
        ("ada", 0.7, 1.0, "en", "test"),
    ]
    assert made["rejected"].to_list() == [talks[1]["response"], talks[0]["response"]]
    assert made["prompt"].to_list() == [talks[1]["prompt"], talks[0]["prompt"]]
    assert made["provenance"].to_list() == [told["signal"].to_list()[2:], told["signal"].to_list()[:2]]
    capital, tea = (chosen[0]["content"] for chosen in made["chosen"])
    assert capital.startswith("Capital? → Be nice.\n\n")
    assert WISHES["No, the capital is Canberra"] in capital
    assert (WISHES["Shorter please"] in tea, WISHES["Shorter please"] in capital) == (True, False)
    # Asked a second time, everything is remembered.
    assert revised(told, endpoint(server.url)).equals(made)
    assert len(server.asked) == 4


def test_all_that_a_user_said_of_an_answer_is_one_wish(serving: Callable, endpoint: Callable) -> None:
    reactions = [
        reaction(0, "And in German", day=2),
        reaction(0, "Shorter please"),
        reaction(0, "Shorter please", user="bob"),
    ]
    told = facts([interaction("Tea?", "Tea is a plant.")], reactions, [(row, "dissatisfied", 0.5) for row in range(3)])
    made = revised(told, endpoint(serving(writer).url))
    assert made["rater"].to_list() == ["ada", "bob"]
    assert [WISHES["Shorter please\nAnd in German"] in text for text in made["chosen"].list[0].struct["content"]] == [
        True,
        False,
    ]


def test_who_wished_for_nothing_gets_no_revision(serving: Callable, endpoint: Callable) -> None:
    """Praise, words nobody read, an edit, a click, and a complaint that is outweighed are no reason to ask."""
    reactions = [
        reaction(0, "Thanks, shorter next time"),
        reaction(0, "And Perth?", user="bob"),
        reaction(0, "Tea is brewed.", "edit", "eve"),
        reaction(0, " ", "comment", "joe"),
        reaction(0, "Great, though long", user="kim"),
    ]
    read = [(0, "satisfied", 0.9), (2, "dissatisfied", 0.8), (3, "dissatisfied", 0.8)]
    read += [(4, "satisfied", 0.8), (4, "dissatisfied", 0.3)]
    server = serving(writer)
    assert revised(facts([interaction("Tea?", "Tea is a plant.")], reactions, read), endpoint(server.url)).is_empty()
    assert server.asked == []


def test_what_is_no_revision_is_dropped_and_counted(
    serving: Callable, endpoint: Callable, reply: type, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["refuse", "same", "nothing in particular", "garble", "Shorter please", "fail"]
    reactions = [reaction(0, text, user=text) for text in texts]
    told = facts(
        [interaction("Tea?", "Tea is a plant.")], reactions, [(row, "dissatisfied", 0.5) for row in range(len(texts))]
    )

    def script(body: Body) -> object:
        said = body["messages"][-1]["content"]
        if "garble" in said:
            return "I think they want tea."
        return reply("no", status=413) if "fail" in said else writer(body)

    made = revised(told, endpoint(serving(script).url, parallel=1))
    assert made["rater"].to_list() == ["Shorter please"]
    said = " ".join(capsys.readouterr().err.split())
    assert "5 of 6 without an answer" in said
    assert "1 × the model refused" in said
    assert "and 2 other reasons" in said
