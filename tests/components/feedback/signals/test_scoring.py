"""What detectors say of a turn becomes one verdict, weighed; a file becomes one line a turn."""

from pathlib import Path

import polars as pl
import pytest

from components.config import Settings
from components.config.settings import Signals
from components.feedback.signals.combining import VERDICT, combined
from components.feedback.signals.findings import FINDING
from components.feedback.signals.scoring import SCORED, score
from components.records.errors import BadInput
from components.workspace import Workspace

TALK = """
USER\tName a tea.\t\t3
SYSTEM\tAssam is a city.\t
USER\tNo, that's wrong!\t\t1
SYSTEM\tSorry: Assam is a tea.\t
USER\tPerfect, thank you.\t\t5
USER\tOVERALL\t\t3
"""


def found(*findings: tuple[int, str, str, float]) -> pl.DataFrame:
    rows = [(row, polarity, rubric, strength, f"says {rubric}") for row, polarity, rubric, strength in findings]
    return pl.DataFrame(rows, schema=FINDING, orient="row")


def test_findings_add_up_as_log_odds_and_the_strongest_of_the_winning_side_speaks() -> None:
    first = found((0, "satisfied", "praise", 0.5), (1, "satisfied", "praise", 0.5), (3, "dissatisfied", "style", 0.9))
    second = found(
        (0, "satisfied", "humor", 0.5), (1, "dissatisfied", "revision", 0.8), (3, "satisfied", "praise", 0.9)
    )
    verdicts = combined([("first/1", first), ("second/1", second)], {}, 5)
    assert dict(verdicts.schema) == VERDICT
    assert verdicts["polarity"].to_list() == ["satisfied", "dissatisfied", "none", "none", "none"]
    assert verdicts["strength"].round(4).to_list() == [0.8, 0.5, 0.0, 0.0, 0.0]  # (s + t) / (1 + s t)
    assert verdicts["rubric"].to_list() == ["praise", "revision", None, None, None]
    assert verdicts["detector"].to_list() == ["first/1", "second/1", None, None, None]
    assert verdicts["evidence"][1] == "says revision"


def test_weights_decide_who_is_believed() -> None:
    says = [("first/1", found((0, "satisfied", "praise", 0.5))), ("second/7", found((0, "dissatisfied", "style", 0.6)))]
    assert combined(says, {}, 1)["polarity"].item() == "dissatisfied"
    assert combined(says, {"second": 0.5}, 1)["polarity"].item() == "satisfied"
    assert combined(says, {"first": 0, "second": 0}, 1)["polarity"].item() == "none"
    certain = [
        ("first/1", found((0, "satisfied", "praise", 1.0))),
        ("second/7", found((0, "dissatisfied", "style", 1.0))),
    ]
    assert combined(certain, {"second": 1.1}, 1).select("polarity", "rubric").row(0) == ("dissatisfied", "style")
    assert combined([], {}, 2)["polarity"].to_list() == ["none", "none"]


def test_a_file_is_scored_a_line_a_turn(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text(TALK * 3)
    scored = pl.concat(list(score(Workspace(tmp_path, Settings()), tmp_path / "talk.txt", detectors=["rubrics"])))
    assert dict(scored.schema) == SCORED
    assert scored["line"].to_list() == [2] * 3 + [9] * 3 + [16] * 3
    first = scored.head(3)
    assert first.select("turn", "text", "polarity", "rubric").rows() == [
        (1, "Name a tea.", "none", None),
        (2, "No, that's wrong!", "dissatisfied", "factual_error"),
        (3, "Perfect, thank you.", "satisfied", "praise"),
    ]
    assert first["strength"][0] == 0
    assert first["evidence"].to_list() == [None, "that's wrong", "Perfect"]
    assert set(first["detector"].drop_nulls()) == {"rubrics/1"}


def test_the_settings_say_who_reads_and_what_it_weighs(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text(TALK)

    def strengths(signals: Signals) -> list[float]:
        workspace = Workspace(tmp_path, Settings(signals=signals))
        return pl.concat(list(score(workspace, tmp_path / "talk.txt")))["strength"].to_list()

    assert strengths(Signals(detectors=["explicit"])) == [0, 0, 0]
    whole, half = (strengths(Signals(detectors=["explicit", "rubrics"], weights={"rubrics": w})) for w in (1.0, 0.5))
    assert 0 < half[1] < whole[1]
    with pytest.raises(BadInput, match=r"unknown detector 'rubric'.*Did you mean rubrics"):
        strengths(Signals(detectors=["rubric"]))
