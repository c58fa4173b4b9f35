"""TRL's preference formats, each as its documentation writes it."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.feedback.readers import Reading
from components.feedback.readers.trl import shared_length


def user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def assistant(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


ASK, BLUE, GREEN = user("What color is the sky?"), assistant("It is blue."), assistant("It is green.")
A_TIME = "must be a time as 2026-01-31T12:00:00Z or in seconds since 1970"
MISSHAPEN = "has a message whose role or content is missing or not a text"
AFTER = "after the prompt that both begin with"
LONG = [user("hi"), assistant("hello"), ASK]


@pytest.mark.parametrize(
    ("row", "prompt", "chosen", "rejected"),
    [
        (
            {"prompt": "The sky is", "chosen": " blue.", "rejected": " green."},
            [user("The sky is")],
            " blue.",
            " green.",
        ),
        ({"prompt": [ASK], "chosen": [BLUE], "rejected": [GREEN]}, [ASK], "It is blue.", "It is green."),
        ({"prompt": [ASK], "chosen": "It is blue.", "rejected": "It is green."}, [ASK], "It is blue.", "It is green."),
        ({"chosen": "The sky is blue.", "rejected": "The sky is green."}, [user("The sky is")], "blue.", "green."),
        ({"chosen": "空は 青い 🍞", "rejected": "空は 緑 🍞"}, [user("空は")], "青い 🍞", "緑 🍞"),
        ({"chosen": [ASK, BLUE], "rejected": [ASK, GREEN]}, [ASK], "It is blue.", "It is green."),
        ({"chosen": [*LONG, BLUE], "rejected": [*LONG, GREEN]}, LONG, "It is blue.", "It is green."),
        ({"prompt": "sky", "chosen": [ASK, BLUE], "rejected": [ASK, GREEN]}, [ASK], "It is blue.", "It is green."),
        ({"prompt": "sky", "chosen": [BLUE], "rejected": [GREEN]}, [user("sky")], "It is blue.", "It is green."),
    ],
)
def test_every_variant_becomes_a_prompt_and_two_answers(
    read_rows: Callable[..., Reading], row: dict[str, Any], prompt: list[dict[str, str]], chosen: str, rejected: str
) -> None:
    preference = read_rows(row).frames["preferences"].row(0, named=True)
    assert preference["prompt"] == prompt
    assert preference["chosen"] == [assistant(chosen)]
    assert preference["rejected"] == [assistant(rejected)]


def test_variants_may_stand_in_one_file_and_keep_their_order(read_rows: Callable[..., Reading]) -> None:
    rows = [
        {"chosen": [ASK, BLUE], "rejected": [ASK, GREEN]},
        {"chosen": "The sky is blue.", "rejected": "The sky is green."},
        {"prompt": "The sky is", "chosen": "blue.", "rejected": "green."},
    ]
    preferences = read_rows(*rows).frames["preferences"]
    assert preferences["provenance"].list.first().to_list() == ["rows.jsonl:1", "rows.jsonl:2", "rows.jsonl:3"]
    assert preferences["prompt"].list.len().to_list() == [1, 1, 1]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "a", "rejected": "b"}, "chosen is missing"),
        ({"prompt": "a", "chosen": "b", "rejected": 3}, "rejected is 3, must be a text or a list of messages"),
        (
            {"prompt": {"a": 1}, "chosen": "b", "rejected": "c"},
            "prompt is an object, must be a text or a list of messages",
        ),
        ({"chosen": "a b", "rejected": [BLUE]}, "one of chosen and rejected is a text, the other a list of messages"),
        ({"prompt": [ASK], "chosen": [{"role": "assistant"}], "rejected": [GREEN]}, f"chosen {MISSHAPEN}"),
        (
            {"prompt": [ASK], "chosen": [{"role": "assistant", "content": 5}], "rejected": [GREEN]},
            f"chosen {MISSHAPEN}",
        ),
        ({"prompt": [ASK], "chosen": ["It is blue."], "rejected": [GREEN]}, f"chosen {MISSHAPEN}"),
        ({"chosen": "Yes", "rejected": "No"}, "there is no prompt, and chosen and rejected do not begin alike"),
        ({"chosen": "Sky", "rejected": "Sky blue"}, f"nothing is left of chosen {AFTER}"),
        (
            {"chosen": "Sky blue", "rejected": "Sky blue"},
            f"nothing is left of chosen {AFTER}; nothing is left of rejected {AFTER}",
        ),
        ({"chosen": [ASK, BLUE], "rejected": [ASK]}, f"nothing is left of rejected {AFTER}"),
        (
            {"chosen": [ASK, BLUE], "rejected": [ASK, BLUE, ASK]},
            f"nothing is left of chosen {AFTER}; chosen and rejected answer different conversations",
        ),
        ({"chosen": [BLUE], "rejected": [GREEN]}, "there is no prompt, and chosen and rejected do not begin alike"),
        (
            {"chosen": [user("hi"), ASK, BLUE], "rejected": [user("hi"), user("ho"), GREEN]},
            "chosen and rejected answer different conversations",
        ),
        (
            {"prompt": "a", "chosen": "b", "rejected": "c", "strength": "strong"},
            'strength is "strong", must be a number',
        ),
        ({"prompt": "a", "chosen": "b", "rejected": "c", "weight": [2]}, "weight is a list, must be a number"),
        (
            {"prompt": "a", "chosen": "b", "rejected": "c", "rater": {"name": "ada"}},
            "rater is an object, must be a text or a number",
        ),
        (
            {"prompt": "a", "chosen": "b", "rejected": "c", "created_at": "yesterday"},
            f'created_at is "yesterday", {A_TIME}',
        ),
        (
            {"prompt": "a", "chosen": "b", "rejected": "c", "created_at": 1700000000000},
            f"created_at is 1700000000000, {A_TIME}",
        ),
        (
            {"prompt": "a", "chosen": 1, "rejected": "c", "weight": True},
            "chosen is 1, must be a text or a list of messages; weight is true, must be a number",
        ),
    ],
)
def test_a_bad_row_is_told_everything_that_is_wrong_with_it(
    read_rows: Callable[..., Reading], row: dict[str, Any], reason: str
) -> None:
    reading = read_rows({"prompt": "hi", "chosen": "a", "rejected": "b"}, row)
    assert reading.problems.select("line", "reason").rows() == [(2, reason)]
    assert len(reading.frames["preferences"]) == 1


def test_what_is_told_beside_a_pair_is_kept(read_rows: Callable[..., Reading]) -> None:
    pair = {"prompt": "a", "chosen": "b", "rejected": "c"}
    told = {"strength": 0.25, "weight": "2", "rater": 17, "group": "beta", "source": "shop"}
    times = ["2026-01-31T12:00:00+09:00", "2026-01-31 03:00:00.25", "2026-01-31", 1769828400, "1769828400.5", None]
    preferences = read_rows(pair, *({**pair, **told, "created_at": time} for time in times)).frames["preferences"]
    columns = ["strength", "weight", "rater", "group", "source"]
    assert preferences.select(columns).row(0) == (1.0, 1.0, None, None, "trl")
    assert preferences.select(columns).row(1) == (0.25, 2.0, "17", "beta", "shop")
    three = datetime(2026, 1, 31, 3, tzinfo=UTC)
    assert preferences["created_at"].to_list()[1:] == [
        three,
        three.replace(microsecond=250_000),
        three.replace(hour=0),
        three,
        three.replace(microsecond=500_000),
        None,
    ]


TEXTS = st.lists(st.tuples(st.text("ab 🍞é", max_size=12), st.text("ab 🍞é", max_size=12)), min_size=1, max_size=20)


@given(TEXTS)
def test_texts_share_what_python_finds_they_share(pairs: list[tuple[str, str]]) -> None:
    one, other = (pl.Series([pair[side] for pair in pairs], dtype=pl.String) for side in (0, 1))
    assert shared_length(one, other).to_list() == [
        sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(*pair, strict=False))) for pair in pairs
    ]
