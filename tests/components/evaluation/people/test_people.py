"""What people say on a blind sheet comes back as it was said, is kept, and is counted for who wrote the answer."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from components.config import Settings
from components.evaluation.people import sheet, verdicts
from components.evaluation.people.measures import measure
from components.evaluation.people.pairs import Pair, blind_pairs
from components.evaluation.people.verdicts import Verdict, Verdicts
from components.records.errors import BadInput
from components.records.handles import Estimate, Scorecard
from components.registry import decisions, models
from components.registry.reconsidering import reconsider
from components.tracking import client
from components.workspace import Workspace
from tests.judged import SHORT, evaluated

Cells = dict[str, str]


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Scorecard]:
    return evaluated(tmp_path_factory.mktemp("people") / "work")


@pytest.fixture(scope="module")
def pairs(evaluation: tuple[Workspace, Scorecard]) -> list[Pair]:
    return blind_pairs(*evaluation)


def filled(file: Path, say: Callable[[Cells], str], *, delimiter: str = ",", encoding: str = "utf-8") -> None:
    """Judge every row, as somebody does in a spreadsheet, which writes what its country has between columns.

    What was asked may be as long as it likes.
    """
    rows = list(csv.DictReader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")))
    with file.open("w", encoding=encoding, newline="") as out:
        written = csv.DictWriter(out, rows[0], delimiter=delimiter)
        written.writeheader()
        written.writerows(row | {"prompt": "x" * 160_000, "better": say(row), "why": "größer, länger"} for row in rows)


def read_back(file: Path, pairs: list[Pair]) -> list[Verdict]:
    rows = sheet.read(file)
    assert sheet.version_of(rows) == 2
    return sheet.verdicts(rows, pairs)


def longer(row: Cells) -> str:
    return "LEFT " if len(row["left"]) > len(row["right"]) else "2"


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig")])
def test_who_always_prefers_the_longer_answer_is_found_to(
    pairs: list[Pair], tmp_path: Path, delimiter: str, encoding: str
) -> None:
    file = tmp_path / "sheet.csv"
    sheet.write(pairs, file)
    filled(file, longer, delimiter=delimiter, encoding=encoding)
    given = {said.id: said for said in read_back(file, pairs)}
    assert {said.why for said in given.values()} == {"größer, länger"}
    found = measure(pairs, {"ada": given}, 500, 0)
    assert {name: (estimate.value, estimate.n) for name, estimate in found.items()} == {
        "people/win_rate": (pytest.approx(35 / 50), 50),
        "people/coverage": (1.0, 50),
        "judge/agreement_people": (pytest.approx(45 / 50), 50),
    }
    assert 0.5 < found["people/win_rate"].low < 0.62 < 0.78 < found["people/win_rate"].high < 0.9


def test_a_sheet_is_the_same_each_time_and_tells_nobody_who_wrote_what(
    evaluation: tuple[Workspace, Scorecard], pairs: list[Pair], tmp_path: Path
) -> None:
    file = tmp_path / "sheet.csv"
    sheet.write(pairs, file)
    sheet.write(blind_pairs(*evaluation), file)
    text = file.read_text(encoding="utf-8-sig")
    assert len(pairs) == 50  # without those answered alike
    for hint in ("champion", "challenger", "policy", "reward", evaluation[1].run_id):
        assert hint not in text
    assert 10 <= sum(pair.challenger == "left" for pair in pairs) <= 40
    # Whoever has a spreadsheet open runs nothing that a model wrote.
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "-", "+", "@"))]
    assert f"'{SHORT}" in cells


def test_a_sheet_that_somebody_has_begun_is_not_written_over(pairs: list[Pair], tmp_path: Path) -> None:
    file = tmp_path / "sheet.csv"
    sheet.write(pairs, file)
    filled(file, longer)
    with pytest.raises(BadInput, match=r"there is a file already, which may hold verdicts .*--to"):
        sheet.write(pairs, file)
    assert len([row for row in sheet.read(file) if row.better]) == 50


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"id,better\nv2-0000000000,left\n\nv2-0000000001,maybe\n", r"better is 'maybe' .*line 4.*left, right or tie"),
        (b"id,better\nv2-0000000000,left\n7,tie\n", r"'7' is no id of a pair .*line 3"),
        (b"id,better\nv2-0000000000,left\nv2-0000000000,tie\n", r"is there twice .*line 3"),
        (b"id,better\nv2-0000000000,left\nv3-0000000001,tie\n", r"rows of v2 and v3 are in one sheet .*line 3"),
        (b"id,better\nv2-0000000000,left\n", r"the evaluation has no pair v2-0000000000 .*line 2"),
        (b"id,verdict\nv2-0000000000,left\n", r"there is no column better"),
        (b"id,better\n", "the sheet has no rows"),
        (b"", "there is no column better"),
        ("id,better,why\nv2-0000000000,left,größer\n".encode("cp1252"), "the sheet is not UTF-8"),
        (None, "the sheet cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_understood_is_one_error_that_says_where_and_what_to_write(
    pairs: list[Pair], tmp_path: Path, content: bytes | None, says: str
) -> None:
    file = tmp_path / "sheet.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadInput, match=says):
        read_back(file, pairs)


def said(pairs: list[Pair], better: Callable[[Pair], str]) -> Verdicts:
    return {pair.id: Verdict(id=pair.id, better=better(pair), on="page") for pair in pairs}


def for_the_challenger(pair: Pair) -> str:
    return pair.challenger


def for_the_champion(pair: Pair) -> str:
    return "left" if pair.challenger == "right" else "right"


def test_several_people_on_one_pair_count_as_one_and_how_often_they_agree_is_told(pairs: list[Pair]) -> None:
    everybody = {
        "ada": said(pairs[:20], for_the_challenger),
        "bob": said(pairs[:5], for_the_champion) | said(pairs[5:15], for_the_challenger),
        "cyn": said(pairs[:5], lambda pair: "tie"),
    }
    found = measure(pairs, everybody, 200, 0)
    # Five pairs with a win, a defeat and a tie are worth a half each, whoever of them judged more.
    assert found["people/win_rate"].value == pytest.approx((5 * 0.5 + 15) / 20)
    assert (found["people/win_rate"].n, found["people/coverage"].value) == (20, 20 / 50)
    # Of three people who all differ nobody agrees; the ten pairs that two judged they judged alike.
    assert found["people/agreement"].value == pytest.approx(10 / 15)
    assert found["people/agreement"].n == 15
    assert "people/agreement" not in measure(pairs, {"ada": everybody["ada"]}, 200, 0)
    assert measure(pairs, {"ada": {}}, 200, 0) == {}


def test_verdicts_given_on_two_machines_are_everybody_s_and_the_later_one_holds(
    evaluation: tuple[Workspace, Scorecard], pairs: list[Pair], tmp_path: Path
) -> None:
    here, scorecard = evaluation
    shared = Settings.model_validate({"mlflow": {"tracking_uri": here.tracking_uri}})
    there = Workspace(tmp_path, shared)
    run = scorecard.run_id
    verdicts.keep(here, run, "ada", said(pairs[:3], for_the_challenger).values())
    verdicts.keep(there, run, "bob", said(pairs[:2], for_the_champion).values())
    assert list(verdicts.everybody(here, run)) == ["ada"]  # what bob said is still on his machine alone
    assert list(verdicts.everybody(there, run)) == ["ada", "bob"]
    verdicts.keep(there, run, "ada", said(pairs[2:4], for_the_champion).values())
    verdicts.everybody(there, run)
    found = verdicts.everybody(here, run)
    assert [found["ada"][pair.id].better == pair.challenger for pair in pairs[:4]] == [True, True, False, False]
    assert verdicts.counted(found) == {"ada": 4, "bob": 2}


def test_a_sheet_read_again_replaces_what_it_said_and_leaves_what_was_said_on_the_page(pairs: list[Pair]) -> None:
    on_page, on_sheet, other = (pair.id for pair in pairs[:3])
    before = {
        on_page: Verdict(id=on_page, better="tie", on="page"),
        on_sheet: Verdict(id=on_sheet, better="left", on="sheet"),
    }
    emptied = [Verdict(id=id, better=None, on="sheet") for id in (on_page, on_sheet, other)]
    assert [(one.id, one.better) for one in verdicts.changed(emptied, before)] == [(on_sheet, None)]
    again = [Verdict(id=id, better="right", on="sheet") for id in (on_page, on_sheet, other)]
    assert verdicts.changed(again, before) == again


def test_a_name_that_could_lead_elsewhere_is_refused() -> None:
    for name in ("../ada", "a/b", "", ".", "ada\n"):
        with pytest.raises(BadInput, match="cannot name a judge"):
            verdicts.judge_named(name)
    assert verdicts.judge_named("Ada Lovelace-King") == "Ada Lovelace-King"


def test_people_s_measures_come_into_the_scorecard_and_go_when_nobody_has_made_them_any_more(
    evaluation: tuple[Workspace, Scorecard],
) -> None:
    workspace, scorecard = evaluation
    names = ("people/win_rate", "people/agreement")
    half = Estimate(value=0.5, low=0.4, high=0.6, n=50)
    fuller, decision = reconsider(workspace, scorecard.challenger, names, dict.fromkeys(names, half))
    assert decision.outcome == "hold"
    card = client(workspace).get_model_version(models.POLICY, "2").description
    assert "| people/win_rate | 0.500 | 0.400 to 0.600 | 50 |" in card
    assert decisions.measured(workspace, None) == fuller
    assert list(fuller.measures) == ["policy/win_rate", *names]
    reconsider(workspace, scorecard.challenger, names, {"people/win_rate": half})
    assert list(decisions.measured(workspace, 2).measures) == ["policy/win_rate", "people/win_rate"]
    with pytest.raises(BadInput, match="version 1 was never measured"):
        decisions.measured(workspace, 1)
