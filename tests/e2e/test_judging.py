"""People judge a challenger, on a sheet and on the page, and nothing they said is lost when everything is killed."""

import csv
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from components.registry import models
from tests.e2e.conftest import Heed
from tests.judged import evaluated


def test_people_judge_blind_and_the_gate_is_asked_again(
    tmp_path: Path, heed_in: Callable[[Path], Heed], browser: Browser
) -> None:
    workspace, scorecard = evaluated(tmp_path / "work")
    heed = heed_in(workspace.root)
    assert heed.json("judge", "sheet", "--most", "30") == {"sheet": "sheet-v2.csv", "rows": 30, "pairs": 50}

    # Bob prefers the shorter answer of the first 15, on the page, whose process is killed after 9 of them.
    page = browser.new_page()
    with judging(heed, "bob") as (process, url):
        prefer_the_shorter(page, url, 1, 9)
        process.kill()
    with judging(heed, "bob") as (process, url):
        prefer_the_shorter(page, url, 10, 15)
        process.terminate()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["judged"] == {"bob": 15}

    # Ada prefers the longer one of all 30, on the sheet, which is read twice.
    sheet = workspace.root / "sheet-v2.csv"
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with sheet.open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, rows[0])
        written.writeheader()
        written.writerows(row | {"better": "l" if len(row["left"]) > len(row["right"]) else "R"} for row in rows)
    heed.json("judge", "read", "sheet-v2.csv", "--by", "ada")
    found = heed.json("judge", "read", "sheet-v2.csv", "--by", "ada")
    assert found["judged"] == {"ada": 30, "bob": 15}

    # The 15 pairs on which the two differ are worth a half each; of the others the challenger has what is longer below
    # 35, and the judge is for the longer one but from 35 to 39.
    numbers = [int(re.findall(r"number (\d+)", row["prompt"])[0]) for row in rows[15:]]
    expected = {
        "people/win_rate": (7.5 + sum(number < 35 for number in numbers)) / 30,
        "people/coverage": 30 / 50,
        "people/agreement": 0.0,
        "judge/agreement_people": (7.5 + sum(number not in range(35, 40) for number in numbers)) / 30,
    }
    measures = {name: measure["value"] for name, measure in found["measures"].items()}
    assert measures == pytest.approx(expected)

    # It is in the scorecard, in MLflow and in what the gate says, and nobody was promoted.
    compared = heed.json("compare", "2")["2"]["measures"]
    assert compared | found["measures"] == compared
    logged = heed.mlflow.get_run(scorecard.run_id).data.metrics
    assert {name: logged[name] for name in measures} == measures
    assert found["gate"]["reasons"][0].split(": ")[1].startswith("people/win_rate is ")
    champion = models.at_alias(workspace, models.POLICY, models.CHAMPION)
    assert champion == models.version_named(workspace, 1)


@contextmanager
def judging(heed: Heed, by: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The page's process, and its address."""
    with heed.start("judge", "page", "--by", by, "--json") as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


def prefer_the_shorter(page: Page, url: str, first: int, last: int) -> None:
    """Judge pairs with the keyboard, from the first that is open on."""
    page.goto(url)
    for number in range(first, last + 1):
        expect(page.locator("#progress")).to_have_text(f"{number - 1} of 50 judged")
        left, right = (len(page.locator(f"#{side}").inner_text()) for side in ("left", "right"))
        page.keyboard.press("1" if left < right else "ArrowRight")
    expect(page.locator("#progress")).to_have_text(f"{last} of 50 judged")
