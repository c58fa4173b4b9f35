"""Transcripts of Anthropic's HH-RLHF."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from components.feedback.readers import Reading, read

NO_TRANSCRIPT = 'chosen is not a transcript: it does not begin with "Human:"'
ASKED = "\n\nHuman: パンは?\n\nAssistant: 何のパン?\n\nHuman: 食パン\r\n2 斤"


def test_the_last_answer_is_what_differs_and_the_rest_is_the_prompt(read_rows: Callable[..., Reading]) -> None:
    pair = {"chosen": f"{ASKED}\n\nAssistant: はい 🍞\n\n手順は", "rejected": f"{ASKED}\n\nAssistant:  いいえ "}
    preference = read_rows(pair).frames["preferences"].row(0, named=True)
    assert preference["prompt"] == [
        {"role": "user", "content": "パンは?"},
        {"role": "assistant", "content": "何のパン?"},
        {"role": "user", "content": "食パン\r\n2 斤"},
    ]
    assert preference["chosen"] == [{"role": "assistant", "content": "はい 🍞\n\n手順は"}]
    assert preference["rejected"] == [{"role": "assistant", "content": "いいえ"}]
    assert (preference["strength"], preference["weight"]) == (1, 1)
    assert (preference["source"], preference["provenance"]) == ("hh-rlhf", ["rows.jsonl:1"])


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (
            {"chosen": "Hello", "rejected": f"{ASKED}\n\nAssistant: b"},
            NO_TRANSCRIPT,
        ),
        (
            {"chosen": f"Hi.{ASKED}\n\nAssistant: a", "rejected": f"{ASKED}\n\nAssistant: b"},
            NO_TRANSCRIPT,
        ),
        ({"chosen": f"{ASKED}\n\nAssistant: a", "rejected": ASKED}, "rejected does not end with the assistant"),
        (
            {"chosen": f"{ASKED}\n\nAssistant: a", "rejected": f"{ASKED}?\n\nAssistant: b"},
            "chosen and rejected answer different conversations",
        ),
        (
            {"chosen": f"{ASKED}\n\nAssistant: a", "rejected": f"{ASKED}\n\nAssistant: a "},
            "chosen and rejected are the same answer",
        ),
        (
            {"chosen": f"{ASKED}\n\nAssistant: ", "rejected": f"{ASKED}\n\nAssistant: b"},
            "chosen ends with an empty answer",
        ),
        ({"rejected": f"{ASKED}\n\nAssistant: b"}, "chosen is missing"),
        ({"chosen": f"{ASKED}\n\nAssistant: a", "rejected": None}, "rejected is missing"),
        ({"chosen": 7, "rejected": f"{ASKED}\n\nAssistant: b"}, "chosen is 7, must be a text"),
        ({"chosen": f"{ASKED}\n\nAssistant: a", "rejected": ["b"]}, "rejected is a list, must be a text"),
    ],
)
def test_a_bad_pair_is_told_why_and_the_next_one_is_read(
    read_rows: Callable[..., Reading], pair: dict[str, object], reason: str
) -> None:
    sound = {"chosen": f"{ASKED}\n\nAssistant: a", "rejected": f"{ASKED}\n\nAssistant: b"}
    reading = read_rows(pair, sound, format="hh-rlhf")
    assert reading.problems.select("line", "reason").rows() == [(1, reason)]
    assert reading.frames["preferences"]["provenance"].to_list() == [["rows.jsonl:2"]]


def test_the_published_test_split_is_read(shared_data: Path) -> None:
    reading = read([shared_data / "hh-rlhf" / "harmless-base-test.jsonl.gz"], None)
    preferences = reading.frames["preferences"]
    assert len(preferences) == 2303
    assert dict(reading.problems["reason"].value_counts().iter_rows()) == {
        "chosen and rejected answer different conversations": 5,
        "chosen ends with an empty answer": 4,
    }
    turns = preferences["prompt"].list.len()
    assert (turns > 1).sum() == 1645
    roles = preferences["prompt"].list.eval(pl.element().struct.field("role"))
    alternating = pl.DataFrame({"roles": roles}).select(
        pl.col("roles").list.eval(pl.element() == pl.element().shift(1)).list.any()
    )
    assert alternating.to_series().sum() == 4  # dialogues in which somebody speaks twice in a row
    last = preferences.select(pl.col("prompt").list.last().struct.field("role")).to_series()
    assert set(last) == {"user"}
    assert preferences["prompt"][0].to_list()[2] == {"role": "user", "content": "yep"}
