"""What could not be taken is kept, once, with its reason."""

import json
from pathlib import Path

import polars as pl

from components.records.schemas import PROBLEM, Preference, as_records
from components.validation.contracts import check
from components.validation.quarantine import as_problems, held, hold, unheld

PROBLEMS = pl.DataFrame(
    [
        ("a.jsonl", 3, "not valid JSON", '{"chosen": "切れた 🍞'),
        ("a.jsonl", 2**40, "chosen is missing", 'line\r\nbreaks \\ and "quotes"'),
        (None, None, "weight is missing", "{}"),
    ],
    schema=PROBLEM,
    orient="row",
)


def test_problems_come_back_as_they_were_and_a_person_can_read_them(tmp_path: Path) -> None:
    path = hold(tmp_path / "quarantine", PROBLEMS)
    assert path is not None
    assert held(tmp_path / "quarantine").equals(PROBLEMS)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert "切れた 🍞" in first
    assert json.loads(first) == PROBLEMS.row(0, named=True)


def test_of_problems_found_again_only_the_new_ones_are_left(tmp_path: Path) -> None:
    assert unheld(tmp_path, PROBLEMS).equals(PROBLEMS)
    hold(tmp_path, PROBLEMS[1:])
    again = PROBLEMS.with_columns(reason=pl.lit("said otherwise"))
    assert unheld(tmp_path, again).equals(again[:1])


def test_the_same_problems_are_held_once_and_others_beside_them(tmp_path: Path) -> None:
    first = hold(tmp_path, PROBLEMS)
    assert first is not None
    written = first.stat().st_mtime_ns
    assert hold(tmp_path, PROBLEMS) == first
    assert first.stat().st_mtime_ns == written
    assert hold(tmp_path, PROBLEMS[:1]) != first
    assert len(held(tmp_path)) == 4
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".jsonl", ".jsonl"]


def test_no_problems_leave_nothing_behind(tmp_path: Path) -> None:
    assert hold(tmp_path / "quarantine", PROBLEMS.clear()) is None
    assert not (tmp_path / "quarantine").exists()
    assert held(tmp_path / "quarantine").schema == PROBLEM


def test_a_bad_record_is_held_with_the_place_it_was_read_from(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "パン"}]
    row = {"prompt": said, "chosen": said, "rejected": said, "strength": 1.0, "weight": 1.0}
    origins = [
        {"source": "hh", "provenance": ["odd:name.jsonl:12"]},
        {"source": "shop", "provenance": ["signal"]},
    ]
    frame = pl.DataFrame([{**row, **origin} for origin in origins])
    _, bad = check(as_records(frame, Preference), Preference)
    hold(tmp_path, as_problems(bad))
    found = held(tmp_path)
    assert found.select("file", "line").rows() == [("odd:name.jsonl", 12), ("shop", None)]
    assert set(found["reason"]) == {"chosen and rejected say the same"}
    assert json.loads(found["row"][0])["prompt"] == said
