"""Thousands of held rows are a page of groups."""

from pathlib import Path

import polars as pl

from components.records.schemas import PROBLEM
from components.validation import listing, quarantine


def held(folder: Path, *problems: tuple[str, int, str]) -> pl.DataFrame:
    rows = [(file, line, reason, f"row {line}", None, "trl") for file, line, reason in problems]
    quarantine.hold(folder, pl.DataFrame(rows, schema=PROBLEM, orient="row"))
    return quarantine.rows(folder)


def test_reasons_that_differ_in_a_number_or_a_quotation_are_one_group(tmp_path: Path) -> None:
    doubts = [
        ("a.jsonl", n, f"doubted: the other pairs give it {n % 88}% to point the right way") for n in range(10_000)
    ]
    odd = [
        ("b.jsonl", 10_000 + n, f'strength is "{word}", must be a number') for n, word in enumerate(["much", "a lot"])
    ]
    odd += [("b.jsonl", 10_002, "kind is like, must be one of thumb, rating")]
    groups = listing.groups(held(tmp_path, *doubts, *odd))
    assert groups.select("reason", "count").rows() == [
        ("doubted: the other pairs give it N% to point the right way", 10_000),
        ("strength is …, must be a number", 2),
        ("kind is like, must be one of thumb, rating", 1),
    ]
    assert [len(examples) for examples in groups["examples"]] == [3, 2, 1]


def test_a_group_names_the_files_with_the_most_rows_first(tmp_path: Path) -> None:
    rows = [("a.jsonl", 1), ("b.jsonl", 2), ("c.jsonl", 3), ("b.jsonl", 4)]
    groups = listing.groups(held(tmp_path, *((file, line, "chosen is missing") for file, line in rows)))
    assert [tuple(file.values()) for file in groups["files"].item()] == [("b.jsonl", 2), ("a.jsonl", 1), ("c.jsonl", 1)]


def test_rows_are_found_by_any_of_their_reasons_and_by_what_the_page_calls_them(tmp_path: Path) -> None:
    held(tmp_path, ("a.jsonl", 1, "weight is 7, must be a text"), ("a.jsonl", 2, "a tie"))
    rows = held(tmp_path, ("a.jsonl", 2, "Chosen is missing"))
    assert listing.matching(rows, "weight is …, must be a text")["line"].to_list() == [1]
    assert listing.matching(rows, "TIE")["line"].to_list() == [2]
    assert listing.matching(rows, "chosen is missing")["line"].to_list() == [2]
    assert listing.matching(rows, "(").is_empty()
