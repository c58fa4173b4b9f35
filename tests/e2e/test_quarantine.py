"""What is held can be seen, explained, mended, released and discarded, and the next ingest does as was said."""

import getpass
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from components.records.schemas import Preference, as_records
from components.validation import quarantine
from components.workspace import git
from tests.e2e.conftest import Heed

pytestmark = pytest.mark.timeout(600)


def pair(number: int, **other: Any) -> dict[str, Any]:
    said = {"prompt": f"Question {number}?", "chosen": f"Yes, {number}.", "rejected": f"No, {number}."}
    return said | {"strength": 0.5, "rater": f"rater {number}"} | other


def record(number: int) -> pl.DataFrame:
    spoken = {"prompt": "user", "chosen": "assistant", "rejected": "assistant"}
    told = {key: [{"role": role, "content": pair(number)[key]}] for key, role in spoken.items()}
    made = {
        "strength": 0.5,
        "weight": 1.0,
        "rater": f"rater {number}",
        "source": "trl",
        "provenance": [f"p.jsonl:{number}"],
    }
    return as_records(pl.DataFrame([told | made]), Preference)


@pytest.fixture(scope="module")
def heed(tmp_path_factory: pytest.TempPathFactory, heed_in: Callable[[Path], Heed], server: str) -> Heed:
    root = tmp_path_factory.mktemp("quarantine") / "quarantined"
    root.mkdir()
    heed = replace(heed_in(root), api=server)
    heed.json("init", ".")
    return heed


def test_held_rows_from_the_first_look_to_the_last_decision(heed: Heed) -> None:
    broken = json.dumps({key: value for key, value in pair(3).items() if key != "rejected"})
    rows = [json.dumps(pair(1)), json.dumps(pair(2, strength=7)), broken, "{never"]
    (heed.root / "pairs.jsonl").write_text("\n".join(rows))
    # Three sound pairs that something suspects.
    suspected = pl.concat([record(5), record(6), record(8)]).with_columns(reason=pl.lit("suspected"))
    quarantine.hold(heed.root / "quarantine", quarantine.as_problems(suspected, "preferences"))

    assert heed.json("ingest", "pairs.jsonl")["held"] == 3
    assert heed.json("status")["waiting"] == {
        "suspected": 3,
        "rejected is missing": 1,
        "strength is 7.0, must be less than or equal to 1": 1,
        "not valid JSON: cut off before its end": 1,
    }
    shown = heed.json("quarantine", "list")
    ids = {group["reason"]: [example["id"] for example in group["examples"]] for group in shown["groups"]}
    [strong], [lacking] = ids["strength is 7.0, must be less than or equal to 1"], ids["rejected is missing"]
    wanted, unwanted, _ = ids["suspected"]

    told = heed.json("quarantine", "explain", lacking[:8])
    assert (told["file"], told["line"], told["row"], told["format"]) == ("pairs.jsonl", 3, broken, "trl")

    refused = heed.run("quarantine", "release", lacking, "--row", broken)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "rejected is missing" in refused.stderr
    heed.json("quarantine", "release", lacking, "--row", json.dumps(pair(3)), "--because", "the answer was found")
    mended = json.loads(heed.json("quarantine", "explain", strong)["row"]) | {"strength": 0.7}
    heed.json("quarantine", "release", strong, "--row", json.dumps(mended))
    heed.json("quarantine", "release", wanted)
    heed.json("quarantine", "release", "--reason", "cut off")
    heed.json("quarantine", "discard", unwanted, "--because", "a joke")

    landed = heed.json("ingest")
    assert (landed["landed"]["preferences"], landed["held"]) == (3, 1)
    assert heed.json("status")["waiting"] == {"not valid JSON: cut off before its end": 1, "suspected": 1}
    refused = heed.run("quarantine", "discard", wanted, "--because", "on second thoughts")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "has landed" in refused.stderr

    (heed.root / "again.jsonl").write_text("\n".join(json.dumps(pair(number)) for number in (5, 6, 7, 8)))
    assert heed.json("ingest", "again.jsonl")["landed"]["preferences"] == 1
    everything = heed.json("quarantine", "list", "--all")["groups"]
    assert {(group["state"], group["count"]) for group in everything} == {
        ("landed", 1),
        ("discarded", 1),
        ("waiting", 1),
    }
    decided = heed.json("quarantine", "explain", unwanted)["decisions"]
    assert [(made["state"], made["because"]) for made in decided] == [("discarded", "a joke")]


def test_an_id_that_names_no_row_or_many_is_told(heed: Heed) -> None:
    unknown = heed.run("quarantine", "explain", "zzzz")
    assert unknown.returncode == 2
    assert "no row in quarantine has the id zzzz" in unknown.stderr
    both = heed.run("quarantine", "discard", "--because", "tidy")
    assert both.returncode == 2
    assert "name rows either by id or by --reason" in both.stderr


def test_the_data_gate_stops_a_retrain_until_somebody_decides(heed: Heed) -> None:
    (heed.root / "few.jsonl").write_text("\n".join(json.dumps(pair(number)) for number in (21, 22)))
    heed.json("ingest", "few.jsonl")
    many = pl.concat([record(number) for number in range(30, 40)]).with_columns(reason=pl.lit("too many of them"))
    quarantine.hold(heed.root / "quarantine", quarantine.as_problems(many, "preferences"))

    stopped = heed.run("retrain", "--json")
    assert stopped.returncode == 3
    told = json.loads(stopped.stdout)
    assert (told["outcome"], told["challenger"]) == ("data held", None)
    assert any("wait in quarantine" in reason for reason in told["reasons"])
    assert "wait in quarantine" in Path(told["report"]).read_text()
    assert heed.mlflow.search_registered_models() == []
    assert heed.run("report", "--html", "page.html").returncode == 3

    # What was waiting is decided on, and the data is looked at again though no row of it has changed.
    heed.json("quarantine", "discard", "--reason", "too many", "--because", "a test")
    while waiting := heed.json("quarantine", "list")["groups"]:
        heed.json("quarantine", "discard", "--reason", waiting[0]["reason"], "--because", "a test")
    accepted = heed.run("report", "--html", "page.html")
    assert accepted.returncode == 0, accepted.stderr
    assert "wait in quarantine" not in (heed.root / "page.html").read_text()


def test_whoever_accepts_data_overrules_the_data_gate_and_is_named(heed: Heed) -> None:
    many = pl.concat([record(number) for number in range(40, 60)]).with_columns(reason=pl.lit("odd"))
    quarantine.hold(heed.root / "quarantine", quarantine.as_problems(many, "preferences"))
    (heed.root / "one.jsonl").write_text(json.dumps(pair(61)))
    heed.json("ingest", "one.jsonl")
    assert heed.run("retrain").returncode == 3
    no_reason = heed.run("accept")
    assert (no_reason.returncode, "--because" in no_reason.stderr) == (2, True)
    kept = heed.json("accept", "--because", "seen by hand")
    assert (kept["because"], kept["by"]) == ("seen by hand", getpass.getuser())
    assert "seen by hand" in git.git(heed.root, "log", "--max-count=1", "--format=%s")
    # Past the data gate: now there is too little to train on.
    tried = heed.run("retrain")
    assert tried.returncode == 2
    assert "too few preferences" in tried.stderr
