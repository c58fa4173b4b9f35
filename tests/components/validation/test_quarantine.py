"""What could not be taken is kept with its reason, until a person decides; then the next ingest does as they said."""

import json
import multiprocessing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from components.records.errors import BadInput
from components.records.messages import MESSAGES
from components.records.schemas import PROBLEM, Preference, as_records
from components.validation import quarantine
from components.validation.contracts import check
from components.validation.decisions import FILE, Decision, decide, decisions
from components.validation.quarantine import as_problems, held, hold, unheld

PROBLEMS = pl.DataFrame(
    [
        ("a.jsonl", 3, "not valid JSON", '{"chosen": "切れた 🍞', None, "trl"),
        ("a.jsonl", 2**40, "chosen is missing", 'line\r\nbreaks \\ and "quotes"', None, "trl"),
        (None, None, "weight is missing", "{}", None, "trl"),
    ],
    schema=PROBLEM,
    orient="row",
)


def said(role: str, content: str) -> list[dict[str, str]]:
    return [{"role": role, "content": content}]


def pair(number: int, **other: Any) -> dict[str, Any]:
    answers = {"chosen": said("assistant", f"yes {number}"), "rejected": said("assistant", "no")}
    made = {"strength": 1.0, "weight": 1.0, "source": "shop", "provenance": [f"p.jsonl:{number}"]}
    at = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
    return {"prompt": said("user", "パン?\x01 \u2028"), **answers, **made, "created_at": at, **other}


def pairs(*rows: dict[str, Any]) -> pl.DataFrame:
    return as_records(pl.DataFrame(rows, schema_overrides={"rejected": MESSAGES}), Preference)


def doubted(*rows: dict[str, Any]) -> pl.DataFrame:
    return as_problems(pairs(*rows).with_columns(reason=pl.lit("doubted")), "preferences")


def state(folder: Path, line: int) -> str:
    return str(quarantine.rows(folder).filter(pl.col("line") == line)["state"].item())


def chosen(folder: Path, *lines: int) -> pl.DataFrame:
    return quarantine.rows(folder).filter(pl.col("line").is_in(lines))


def test_problems_come_back_as_they_were_and_a_person_can_read_them(tmp_path: Path) -> None:
    path = hold(tmp_path / "quarantine", PROBLEMS)
    assert path is not None
    assert held(tmp_path / "quarantine").equals(PROBLEMS)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert "切れた 🍞" in first
    assert json.loads(first).items() >= PROBLEMS.row(0, named=True).items()


def test_of_problems_found_again_only_the_new_ones_are_left(tmp_path: Path) -> None:
    assert unheld(tmp_path, PROBLEMS).equals(PROBLEMS)
    hold(tmp_path, PROBLEMS[1:])
    again = PROBLEMS.with_columns(reason=pl.lit("said otherwise"))
    assert unheld(tmp_path, again).equals(again[:1])


def test_a_pair_that_is_found_again_with_another_strength_is_the_same_pair(tmp_path: Path) -> None:
    hold(tmp_path, doubted(pair(1)))
    assert unheld(tmp_path, doubted(pair(1, strength=0.4), pair(2)))["line"].to_list() == [2]


def test_the_same_problems_are_held_once_and_others_beside_them(tmp_path: Path) -> None:
    first = hold(tmp_path, PROBLEMS)
    assert first is not None
    written = first.stat().st_mtime_ns
    assert hold(tmp_path, PROBLEMS) == first
    assert first.stat().st_mtime_ns == written
    assert hold(tmp_path, PROBLEMS[:1].with_columns(reason=pl.lit("broken"))) != first
    assert len(held(tmp_path)) == 4
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".jsonl", ".jsonl"]
    rows = quarantine.rows(tmp_path)
    assert sorted(rows["reasons"].to_list()) == [
        ["chosen is missing"],
        ["not valid JSON", "broken"],
        ["weight is missing"],
    ]


def test_no_problems_leave_nothing_behind(tmp_path: Path) -> None:
    assert hold(tmp_path / "quarantine", PROBLEMS.clear()) is None
    assert not (tmp_path / "quarantine").exists()
    assert held(tmp_path / "quarantine").schema == PROBLEM
    assert quarantine.rows(tmp_path / "quarantine").is_empty()
    assert not quarantine.anything_released(tmp_path / "quarantine")


def test_a_bad_record_is_held_with_the_place_it_was_read_from(tmp_path: Path) -> None:
    same = said("assistant", "パン")
    row = {"prompt": said("user", "パン?"), "chosen": same, "rejected": same, "strength": 1.0, "weight": 1.0}
    origins = [
        {"source": "hh", "provenance": ["odd:name.jsonl:12"]},
        {"source": "shop", "provenance": ["signal"]},
    ]
    frame = pl.DataFrame([{**row, **origin} for origin in origins])
    _, bad = check(as_records(frame, Preference), Preference)
    hold(tmp_path, as_problems(bad, "preferences"))
    found = held(tmp_path)
    assert found.select("file", "line", "kind").rows() == [
        ("odd:name.jsonl", 12, "preferences"),
        ("shop", None, "preferences"),
    ]
    assert set(found["reason"]) == {"chosen and rejected say the same"}
    assert json.loads(found["row"][0])["chosen"] == same


def test_rows_that_earlier_heeds_held_are_read_under_the_same_ids(tmp_path: Path) -> None:
    hold(tmp_path / "new", PROBLEMS)
    (tmp_path / "old").mkdir()
    four = PROBLEMS.select("file", "line", "reason", "row")
    (tmp_path / "old" / f"{'0' * 32}.jsonl").write_text(four.write_ndjson(), encoding="utf-8")
    new, old = quarantine.rows(tmp_path / "new"), quarantine.rows(tmp_path / "old")
    assert old["id"].equals(new["id"])
    assert new["id"].n_unique() == 3
    with pytest.raises(BadInput, match="nobody knows how to read"):
        quarantine.release(tmp_path / "old", old, "why not")
    hold(tmp_path / "old", PROBLEMS)
    assert quarantine.rows(tmp_path / "old")["format"].to_list() == ["trl"] * 3
    quarantine.release(tmp_path / "old", quarantine.rows(tmp_path / "old"), "they can be read now")
    assert quarantine.released(tmp_path / "old").lines["format"].to_list() == ["trl"] * 3


def test_a_released_record_is_taken_up_as_it_was_and_suspected_no_more(tmp_path: Path) -> None:
    hold(tmp_path, doubted(pair(1), pair(2)))
    quarantine.release(tmp_path, chosen(tmp_path, 1), "a fair pair")
    taken = quarantine.released(tmp_path)
    assert taken.records["preferences"].equals(pairs(pair(1)), null_equal=True)
    assert (state(tmp_path, 1), state(tmp_path, 2)) == ("released", "waiting")
    assert quarantine.trusted(tmp_path).to_list() == pairs(pair(1))["id"].to_list()
    quarantine.settle(tmp_path, taken, PROBLEMS)
    assert (state(tmp_path, 1), state(tmp_path, 2)) == ("landed", "waiting")
    assert not quarantine.anything_released(tmp_path)
    assert quarantine.released(tmp_path).ids.is_empty()
    assert quarantine.trusted(tmp_path).to_list() == pairs(pair(1))["id"].to_list()


def test_what_was_released_and_is_held_again_waits_again_with_the_new_reason(tmp_path: Path) -> None:
    hold(tmp_path, PROBLEMS[:2])
    quarantine.release(tmp_path, chosen(tmp_path, 3, 2**40), "try again")
    taken = quarantine.released(tmp_path)
    again = PROBLEMS[:1].with_columns(reason=pl.lit("cut off"))
    hold(tmp_path, again)
    quarantine.settle(tmp_path, taken, again)
    assert (state(tmp_path, 3), state(tmp_path, 2**40)) == ("waiting", "landed")
    row = chosen(tmp_path, 3).row(0, named=True)
    assert (row["reason"], row["reasons"]) == ("cut off", ["not valid JSON", "cut off"])


def test_a_mended_line_takes_the_place_of_the_held_one(tmp_path: Path) -> None:
    hold(tmp_path, PROBLEMS)
    quarantine.release(tmp_path, chosen(tmp_path, 3), "completed", '{"chosen": "はい"}')
    taken = quarantine.released(tmp_path)
    assert taken.lines.rows() == [("a.jsonl", 3, '{"chosen": "はい"}', "trl")]
    assert held(tmp_path).equals(PROBLEMS)
    still = PROBLEMS[:1].with_columns(row=pl.lit('{"chosen": "はい"}'), reason=pl.lit("rejected is missing"))
    hold(tmp_path, still)
    quarantine.settle(tmp_path, taken, still)
    waiting = chosen(tmp_path, 3).select("reason", "state").rows()
    assert waiting == [("not valid JSON", "landed"), ("rejected is missing", "waiting")]


def test_a_mended_record_lands_under_its_own_id_and_the_old_one_stays_out(tmp_path: Path) -> None:
    hold(tmp_path, doubted(pair(1)))
    turned = pair(1, chosen=said("assistant", "no"), rejected=said("assistant", "yes 1"), created_at=None)
    quarantine.release(tmp_path, chosen(tmp_path, 1), "the wrong way round", json.dumps(turned))
    record = quarantine.released(tmp_path).records["preferences"]
    assert record.equals(pairs(turned), null_equal=True)
    assert quarantine.trusted(tmp_path).to_list() == pairs(turned)["id"].to_list()
    assert quarantine.discarded(tmp_path).to_list() == pairs(pair(1))["id"].to_list()


@pytest.mark.parametrize(
    ("mended", "what"),
    [
        ("{", "the mended row is not one of preferences"),
        ('{"chosen": "yes"}', "the mended row is not one of preferences"),
        ('{"choosen": []}', "preferences have no choosen"),
        (json.dumps(pair(1, strength=7, created_at=None)), "breaks its contract: strength is 7.0, must be less than"),
    ],
)
def test_a_mended_record_that_is_none_is_refused_at_once(tmp_path: Path, mended: str, what: str) -> None:
    hold(tmp_path, doubted(pair(1)))
    with pytest.raises(BadInput, match=what):
        quarantine.release(tmp_path, chosen(tmp_path, 1), "mended", mended)
    assert state(tmp_path, 1) == "waiting"


def test_a_discarded_record_stays_readable_and_lands_by_no_way(tmp_path: Path) -> None:
    hold(tmp_path, doubted(pair(1), pair(2)))
    quarantine.discard(tmp_path, chosen(tmp_path, 1), "a joke")
    assert state(tmp_path, 1) == "discarded"
    assert quarantine.discarded(tmp_path).to_list() == pairs(pair(1))["id"].to_list()
    assert held(tmp_path).height == 2
    quarantine.release(tmp_path, chosen(tmp_path, 1), "no joke after all")
    assert quarantine.discarded(tmp_path).is_empty()
    assert quarantine.released(tmp_path).records["preferences"]["id"].to_list() == pairs(pair(1))["id"].to_list()


def test_to_discard_a_record_that_breaks_its_contract_keeps_no_mended_one_of_its_id_out(tmp_path: Path) -> None:
    _, bad = check(pairs(pair(1, strength=3.0)), Preference)
    hold(tmp_path, as_problems(bad, "preferences"))
    quarantine.discard(tmp_path, quarantine.rows(tmp_path), "the file is being mended")
    assert quarantine.rows(tmp_path)["state"].to_list() == ["discarded"]
    assert bad["id"].to_list() == pairs(pair(1))["id"].to_list()
    assert quarantine.discarded(tmp_path).is_empty()


def test_a_decision_cut_short_by_a_kill_is_none_and_the_next_one_is_whole(tmp_path: Path) -> None:
    hold(tmp_path, PROBLEMS)
    quarantine.discard(tmp_path, chosen(tmp_path, 3), "first")
    log = tmp_path / FILE
    whole = log.read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 1):
        log.write_bytes(whole + whole[:cut])
        assert decisions(tmp_path)["because"].to_list() == ["first"]
    quarantine.discard(tmp_path, chosen(tmp_path, 2**40), "second")
    assert decisions(tmp_path)["because"].to_list() == ["first", "second"]
    assert (state(tmp_path, 3), state(tmp_path, 2**40)) == ("discarded", "discarded")


def _decide_often(folder: Path, name: str) -> None:
    for number in range(40):
        decide(folder, Decision("discarded", [f"{name}{number}"] * 50, f"{name} {number}"))


def test_two_processes_that_decide_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    deciding = [context.Process(target=_decide_often, args=(tmp_path, name)) for name in "ab"]
    for process in deciding:
        process.start()
    for process in deciding:
        process.join()
    made = decisions(tmp_path)
    assert sorted(made["because"]) == sorted(f"{name} {number}" for name in "ab" for number in range(40))
    assert made["ids"].list.len().unique().to_list() == [50]


def test_a_log_somebody_has_spoilt_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"at": "yesterday"}\n')
    with pytest.raises(BadInput) as error:
        quarantine.trusted(tmp_path)
    assert error.value.where == str(tmp_path / FILE)


def test_what_is_decided_while_a_row_is_taken_up_stands(tmp_path: Path) -> None:
    hold(tmp_path, doubted(pair(1), pair(2)))
    quarantine.release(tmp_path, chosen(tmp_path, 1), "a fair pair")
    quarantine.release(tmp_path, chosen(tmp_path, 2), "a fair pair")
    taken = quarantine.released(tmp_path)
    quarantine.discard(tmp_path, chosen(tmp_path, 1), "no, it is not")
    quarantine.settle(tmp_path, taken, PROBLEMS)
    assert (state(tmp_path, 1), state(tmp_path, 2)) == ("discarded", "landed")
