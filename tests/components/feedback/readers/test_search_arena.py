"""Search Arena. Rows are built from the schema published at
https://huggingface.co/datasets/lmarena-ai/search-arena-24k.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from components.feedback.readers import Reading


def turns(*contents: str) -> list[dict[str, Any]]:
    return [{"role": ("user", "assistant")[place % 2], "content": content} for place, content in enumerate(contents)]


BATTLE = {
    "model_a": "sonar-pro",
    "model_b": "gpt-4o-search-preview",
    "winner": "model_a",
    "judge": "78996144fc08f820",
    "turn": 2,
    "timestamp": "2025-03-18T16:39:00.550000",
    "messages_a": turns("Wer ist's?", "Ada [1]", "und heute?", "Grace [1]"),
    "messages_b": turns("Wer ist's?", "Alan [1]", "und heute?", "Edsger [1]"),
    "system_a_metadata": {"client_country": "DE", "conv_id": "48b2", "web_search_trace": [["https://a.org", "t"]]},
    "system_b_metadata": {"client_country": "DE"},
    "primary_intent": "Factual Lookup",
    "languages": ["German", "English"],
}


def test_votes_judges_countries_and_languages_survive(read_rows: Callable[..., Reading]) -> None:
    reading = read_rows(BATTLE)
    assert list(reading.formats.values()) == ["search-arena"]
    told, said = reading.frames["interactions"], reading.frames["feedback"]
    assert told["model"].to_list() == ["sonar-pro"] * 2 + ["gpt-4o-search-preview"] * 2
    assert set(told.select("user", "group", "language", "created_at").rows()) == {
        ("78996144fc08f820", "DE", "German, English", datetime(2025, 3, 18, 16, 39, 0, 550000, UTC))
    }
    assert said["kind"].to_list() == ["followup", "followup", "choice"]
    assert (said["interaction"][2], said["other"][2]) == (told["id"][1], told["id"][3])
    assert set(said["group"]) == {"DE"}


def test_a_conversation_nobody_voted_on_keeps_its_answers(read_rows: Callable[..., Reading]) -> None:
    unvoted = {**BATTLE, "winner": None, "languages": [], "system_a_metadata": None}
    frames = read_rows(unvoted, {**BATTLE, "winner": "tie (bothbad)"}).frames
    assert frames["interactions"]["language"].to_list() == [None] * 4 + ["German, English"] * 4
    assert frames["interactions"]["group"].to_list() == [None] * 4 + ["DE"] * 4
    assert frames["feedback"]["kind"].to_list() == ["followup"] * 4 + ["thumb"] * 2


def test_a_bad_battle_is_told_why_and_the_next_one_is_read(read_rows: Callable[..., Reading]) -> None:
    reading = read_rows(
        {**BATTLE, "messages_b": turns("hi", "A", "more")}, {**BATTLE, "winner": "model_c", "judge": {}}, BATTLE
    )
    assert reading.problems.select("line", "reason").rows() == [
        (1, "messages_b does not end with the assistant"),
        (
            2,
            'winner is "model_c", must be one of model_a, model_b, tie, tie (bothbad), both_bad, bothbad; '
            "judge is an object, must be a text or a number",
        ),
    ]
    assert len(reading.frames["interactions"]) == 4
