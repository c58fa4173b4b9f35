"""Which format a file is taken for, and what happens where none or the wrong one is."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from components.feedback.readers import Reading, read
from components.records.errors import BadInput

HH = {"chosen": "\n\nHuman: hi\n\nAssistant: Hello!", "rejected": "\n\nHuman: hi\n\nAssistant: What."}
TRL = {"prompt": "hi", "chosen": "Hello!", "rejected": "What."}
HEED = {"type": "interaction", "prompt": "hi", "response": "Hello!"}


@pytest.mark.parametrize(("format", "row"), [("hh-rlhf", HH), ("trl", TRL), ("heed", HEED)])
def test_each_format_is_recognised_even_where_every_third_row_is_broken(
    read_rows: Callable[..., Reading], format: str, row: dict[str, str]
) -> None:
    rows = [row if i % 3 else {"broken": i} for i in range(90)]
    reading = read_rows(*rows)
    assert list(reading.formats.values()) == [format]
    assert sum(len(frame) for frame in reading.frames.values()) == 60
    assert len(reading.problems) == 30
    assert set(pl.concat([frame["source"] for frame in reading.frames.values() if len(frame)])) == {format}


def test_transcripts_are_not_taken_for_plain_texts_when_a_few_rows_are(read_rows: Callable[..., Reading]) -> None:
    reading = read_rows(HH, HH, {"chosen": "The sky is blue.", "rejected": "The sky is green."})
    assert len(reading.frames["preferences"]) == 2
    assert reading.problems["reason"].to_list() == [
        'chosen is not a transcript: it does not begin with "Human:"; '
        'rejected is not a transcript: it does not begin with "Human:"'
    ]


def test_files_of_different_formats_are_read_together(tmp_path: Path) -> None:
    for name, row in {"a.jsonl": HH, "b.jsonl": HEED}.items():
        (tmp_path / name).write_text(json.dumps(row) + "\n{}\n")
    reading = read([tmp_path / "a.jsonl", tmp_path / "b.jsonl"], None)
    assert {kind: len(frame) for kind, frame in reading.frames.items() if len(frame)} == {
        "interactions": 1,
        "preferences": 1,
    }
    assert reading.problems.select("file", "line").rows() == [("a.jsonl", 2), ("b.jsonl", 2)]


def test_a_named_format_that_no_row_has_is_refused_with_the_first_reason(read_rows: Callable[..., Reading]) -> None:
    with pytest.raises(
        BadInput, match=r"line 1: type is missing .* read as heed; the formats are heed, .*hh-rlhf, trl"
    ):
        read_rows(TRL, HH, format="heed")


def test_a_format_nobody_knows_is_refused(read_rows: Callable[..., Reading]) -> None:
    with pytest.raises(BadInput, match=r'no format "csv".*--format.*heed, .*hh-rlhf, trl'):
        read_rows(TRL, format="csv")


def test_no_row_however_hostile_breaks_the_others(read_rows: Callable[..., Reading], tmp_path: Path) -> None:
    deep = '{"prompt": ' + "[" * 50_000 + "]" * 50_000 + ', "chosen": "a", "rejected": "b"}'
    long = '{"prompt": ' + "9" * 10_000 + ', "chosen": "a", "rejected": "b"}'
    surrogate = '{"prompt": "\\ud83d", "chosen": "a", "rejected": "b"}'
    (tmp_path / "hostile.jsonl").write_text("\n".join([deep, long, surrogate, json.dumps(TRL)]))
    reading = read([tmp_path / "hostile.jsonl"], None)
    assert reading.frames["preferences"]["provenance"].to_list() == [["hostile.jsonl:4"]]
    assert reading.problems["line"].to_list() == [1, 2, 3]


def test_two_hundred_thousand_rows_are_read(tmp_path: Path) -> None:
    numbers = pl.DataFrame({"n": range(200_000)})
    rows = numbers.select(
        prompt=pl.format("question {}", "n"), chosen=pl.format("answer {} 🍞", "n"), rejected=pl.lit("no")
    )
    rows.write_ndjson(tmp_path / "many.jsonl")
    preferences = read([tmp_path / "many.jsonl"], None).frames["preferences"]
    assert preferences["id"].n_unique() == 200_000
    assert preferences["provenance"][-1].to_list() == ["many.jsonl:200000"]
