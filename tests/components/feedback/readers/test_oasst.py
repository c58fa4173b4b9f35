"""OpenAssistant's trees and messages.

The rows are made after the published schema: https://huggingface.co/datasets/OpenAssistant/oasst1 (its trees are the
files *.trees.jsonl.gz, its messages *.messages.jsonl.gz and the Parquet files).
"""

from collections.abc import Callable
from typing import Any

import pytest

from components.feedback.readers import Reading


def message(
    name: str, parent: str | None, role: str, text: str, rank: int | None = None, **others: Any
) -> dict[str, Any]:
    return {
        "message_id": name,
        "parent_id": parent,
        "user_id": f"user of {name}",
        "created_date": "2023-02-05T14:23:50.983374+00:00",
        "text": text,
        "role": role,
        "lang": "es",
        "review_count": 3,
        "review_result": True,
        "deleted": False,
        "rank": rank,
        "synthetic": False,
        "model_name": None,
        "emojis": {"+1": 2},
        "labels": {"quality": {"value": 0.75, "count": 3}, "spam": {"value": 0.0, "count": 3}},
        **others,
    }


ASKED = message("m", None, "prompter", "¿Qué es el té? 🍵")
ANSWERS = [message(f"a{rank}", "m", "assistant", f"respuesta {rank}", rank) for rank in (1, 0, 2)]
THANKED = message("p", "a0", "prompter", "gracias")
LAST = message("z", "p", "assistant", "de nada", synthetic=True, model_name="oasst-sft-1")
MESSAGES = [ASKED, *ANSWERS, THANKED, LAST]
TREE = {
    "message_tree_id": "m",
    "tree_state": "ready_for_export",
    "prompt": {
        **ASKED,
        "replies": [
            {**ANSWERS[0], "replies": []},
            {**ANSWERS[1], "replies": [{**THANKED, "replies": [{**LAST, "replies": []}]}]},
            {**ANSWERS[2], "replies": []},
        ],
    },
}


def contents(messages: Any) -> list[str]:
    return [message["content"] for message in messages]


@pytest.mark.parametrize("rows", [[TREE], MESSAGES, MESSAGES[::-1]], ids=["tree", "messages", "messages backwards"])
def test_a_tree_and_its_messages_say_the_same(read_rows: Callable[..., Reading], rows: list[dict[str, Any]]) -> None:
    frames = read_rows(*rows).frames
    answers = {contents(row["response"])[0]: row for row in frames["interactions"].iter_rows(named=True)}
    assert answers.keys() == {"respuesta 0", "respuesta 1", "respuesta 2", "de nada"}
    assert contents(answers["de nada"]["prompt"]) == ["¿Qué es el té? 🍵", "respuesta 0", "gracias"]
    last = answers["de nada"]
    assert (last["model"], last["user"], last["language"]) == ("oasst-sft-1", "user of p", "es")
    heard = frames["feedback"].filter(interaction=answers["respuesta 0"]["id"])
    assert set(heard.select("kind", "aspect", "score", "text", "user").rows()) == {
        ("followup", None, None, "gracias", "user of p"),
        ("rating", "quality", 0.5, None, None),
        ("rating", "spam", 1.0, None, None),
    }
    pairs = frames["preferences"].select("chosen", "rejected", "strength", "language").rows()
    assert {(contents(chosen)[0], contents(rejected)[0], *rest) for chosen, rejected, *rest in pairs} == {
        ("respuesta 0", "respuesta 1", 0.5, "es"),
        ("respuesta 0", "respuesta 2", 1.0, "es"),
    }


def test_labels_in_lists_are_read_as_parquet_holds_them(read_rows: Callable[..., Reading]) -> None:
    labels = {"name": ["toxicity", "quality"], "value": [0.25, None], "count": [2, 0]}
    feedback = read_rows(ASKED, {**ANSWERS[0], "labels": labels}).frames["feedback"]
    assert feedback.select("aspect", "score").rows() == [("toxicity", 0.5)]


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        ({"text": None}, {"text is missing"}),
        ({"role": "robot"}, {"role must be prompter or assistant"}),
        ({"rank": "first"}, {'rank is "first", must be a number'}),
        ({"deleted": True}, {"the message is deleted"}),
        ({"parent_id": "nowhere"}, {"the message it replies to is not in the file, or cannot be read"}),
    ],
)
def test_a_message_that_cannot_be_read_is_told_with_what_hangs_on_it(
    read_rows: Callable[..., Reading], changed: dict[str, Any], reasons: set[str]
) -> None:
    reading = read_rows(ASKED, {**ANSWERS[0], **changed}, message("r", "a1", "prompter", "¿Cómo?"), *ANSWERS[1:])
    orphan = "the message it replies to is not in the file, or cannot be read"
    assert set(reading.problems.select("line", "reason").rows()) == {(2, *reasons), (3, orphan)}
    assert len(reading.frames["interactions"]) == 2


def test_messages_that_reply_to_each_other_in_a_ring_are_told_and_end(read_rows: Callable[..., Reading]) -> None:
    ring = [message("x", "y", "assistant", "one"), message("y", "x", "prompter", "two")]
    assert read_rows(*ring, *MESSAGES).problems["line"].to_list() == [1, 2]
