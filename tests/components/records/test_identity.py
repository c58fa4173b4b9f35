"""Ids follow from content: the same on every machine, and different for whatever is different."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.records.identity import content_ids, fingerprint, sha256
from components.records.messages import MESSAGES
from components.records.schemas import (
    IDENTITY,
    Checklist,
    Feedback,
    Interaction,
    Preference,
    Record,
    Signal,
    Unpaired,
    as_records,
    dtypes,
)

ROOT = Path(__file__).parents[3]
SIGNS = "ab\x00\x10\x1d\x1e\x1f\n"

ROWS: dict[type[Record], dict[str, object]] = {
    Interaction: {
        "prompt": [{"role": "user", "content": "How do I bake bread?"}],
        "response": [{"role": "assistant", "content": "Mix flour and water."}],
        "model": "heed-policy/3",
        "source": "docs",
    },
    Feedback: {"interaction": "0" * 32, "kind": "thumb", "score": 1.0, "user": "ada", "source": "docs"},
    Signal: {
        "feedback": "0" * 32,
        "interaction": "1" * 32,
        "polarity": "satisfied",
        "rubric": "thumb",
        "strength": 1.0,
        "detector": "explicit/1",
    },
    Preference: {
        "prompt": [{"role": "user", "content": "hi"}],
        "chosen": [{"role": "assistant", "content": "Hello!"}],
        "rejected": [{"role": "assistant", "content": "What."}],
        "strength": 1.0,
        "weight": 1.0,
        "source": "docs",
    },
    Unpaired: {
        "prompt": [{"role": "user", "content": "hi"}],
        "response": [{"role": "assistant", "content": "What."}],
        "desirable": False,
        "strength": 0.8,
        "weight": 1.0,
        "source": "docs",
    },
    Checklist: {
        "prompt": [{"role": "user", "content": "Tell me about tea"}],
        "wishes": ["shorter please"],
        "source": "docs",
    },
}
# Written down so that a change in hashing, which would make everything land twice, is noticed.
KNOWN = {
    Interaction: "af3d6d44b6cc90ee0671e8630d26d8ef",
    Preference: "899a83b5d98c0bc9ba318475363f9800",
}


def id_of(schema: type[Record], **changes: object) -> str:
    row = pl.DataFrame([ROWS[schema] | changes], schema_overrides=dtypes(schema), infer_schema_length=1)
    return as_records(row, schema)["id"].item()


@pytest.mark.parametrize("schema", list(KNOWN))
def test_ids_are_what_they_have_always_been(schema: type[Record]) -> None:
    assert id_of(schema) == KNOWN[schema]


def test_another_process_with_another_hash_seed_finds_the_same_names() -> None:
    script = (
        "import polars as pl; from components.records.identity import content_ids, fingerprint;"
        "print(content_ids(pl.DataFrame({'a': ['x', None], 'b': ['é', '']}), ('a', 'b')).to_list(),"
        " fingerprint({'a': 2, 'b': 1}, 'x'))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    here = content_ids(pl.DataFrame({"a": ["x", None], "b": ["é", ""]}), ("a", "b")).to_list()
    assert said == f"{here} {fingerprint({'b': 1, 'a': 2}, 'x')}\n"


OTHER = {
    "prompt": [{"role": "user", "content": "How do I bake bread"}],
    "response": [{"role": "tool", "content": "Mix flour and water."}],
    "chosen": [{"role": "assistant", "content": "hello!"}],
    "rejected": [{"role": "assistant", "content": "What"}, {"role": "assistant", "content": "."}],
    "score": -1.0,
    "desirable": True,
    "wishes": ["no lists"],
    "created_at": "2026-01-05T08:00:00.000001Z",
}


@pytest.mark.parametrize(("schema", "column"), [(schema, name) for schema, names in IDENTITY.items() for name in names])
def test_each_part_of_what_a_record_says_makes_another_record(schema: type[Record], column: str) -> None:
    value = pl.Series([OTHER.get(column, "another")]).str.to_datetime().item() if column == "created_at" else None
    assert id_of(schema, **{column: value or OTHER.get(column, "another")}) != id_of(schema)


@pytest.mark.parametrize(
    ("schema", "changes"),
    [
        (Interaction, {"group": "curious"}),
        (Feedback, {"group": "curious"}),
        (Signal, {"strength": 0.5}),
        (Preference, {"strength": 0.5, "weight": 2.0, "provenance": ["a.jsonl:1"]}),
    ],
)
def test_what_is_said_about_a_record_does_not_make_it_another(schema: type[Record], changes: dict[str, object]) -> None:
    assert id_of(schema, **changes) == id_of(schema)


def test_nothing_is_not_the_empty_text_and_columns_do_not_run_together() -> None:
    rows = pl.DataFrame(
        {
            "a": [None, "", "x", "xy", "", "\x00", "x\x1dy"],
            "b": [None, "", "yz", "z", None, None, ""],
        }
    )
    assert content_ids(rows, ("a", "b")).n_unique() == rows.height


def test_a_conversation_that_is_not_there_is_not_an_empty_one() -> None:
    rows = pl.DataFrame({"said": [None, [], [{"role": "user", "content": ""}]]}, schema={"said": MESSAGES})
    assert content_ids(rows, ("said",)).n_unique() == 3


conversations = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.text(SIGNS, max_size=6)}),
    max_size=3,
)


@settings(max_examples=40, deadline=None)
@given(first=conversations, second=conversations)
@example(
    first=[{"role": "user", "content": "a\x1euser\x1fb"}],
    second=[{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
)
@example(first=[{"role": "user", "content": "a\x10"}], second=[{"role": "user", "content": "a\x10\x10"}])
def test_two_conversations_have_one_id_only_if_they_are_the_same(first: list, second: list) -> None:
    ids = content_ids(pl.DataFrame({"said": [first, second]}, schema={"said": MESSAGES}), ("said",))
    assert (ids[0] == ids[1]) == (first == second)


def test_a_text_that_forges_the_boundary_of_columns_does_not_get_the_other_record_s_id() -> None:
    forged = id_of(Feedback, text="x\x1dada", user="shop", source="web")
    assert forged != id_of(Feedback, text="x", user="ada", source="shop\x1dweb")


def test_sha256_is_the_one_of_the_standard_library_in_the_order_of_the_rows() -> None:
    texts = ["", "a\x00b", "naïve 👍🏽", "x" * 100_000, *(str(number) for number in range(200_000))]
    expected = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    assert sha256(pl.Series(texts)).to_list() == expected
    assert sha256(pl.Series(["a", None], dtype=pl.String))[1] is None
    assert len(sha256(pl.Series([], dtype=pl.String))) == 0


def test_an_event_keeps_the_id_it_brings() -> None:
    brought = "7" * 32
    assert id_of(Feedback, id=brought) == brought
    assert id_of(Feedback, id=None) == id_of(Feedback)


def test_a_fingerprint_tells_content_and_not_the_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == fingerprint({"b": {"d": 3, "c": 2}, "a": 1})
    assert fingerprint({"a": 1, "b": [1, 2]}, "x") == "afebeff1c159d044"
    names = [
        fingerprint({"a": 1}),
        fingerprint({"a": 2}),
        fingerprint({"a": "1"}),
        fingerprint([1, 2]),
        fingerprint([2, 1]),
        fingerprint(1, 2),
        fingerprint("12"),
        fingerprint(None),
        fingerprint(),
    ]
    assert len(set(names)) == len(names)
    assert all(len(name) == 16 for name in names)
