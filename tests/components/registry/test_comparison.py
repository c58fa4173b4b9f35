"""The page that compares stands alone, draws what the numbers say, and lets nothing users wrote become part of it."""

import re

from rich.console import Console

from components.records.handles import Estimate, ModelVersion, Scorecard
from components.registry.comparison import table
from components.registry.comparison_page import Told, page

POLICY = ModelVersion(name="heed-policy", version=3, run_id="run3", dataset="4fd1", step="s")
HOSTILE = "<script>alert(1)</script>"


def card(version: int, **measures: float) -> Scorecard:
    return Scorecard(
        challenger=POLICY.model_copy(update={"version": version}),
        champion=POLICY.model_copy(update={"version": 1}),
        reward=POLICY.model_copy(update={"name": "heed-reward"}),
        dataset="9ab2",
        judge="reward",
        measures={
            name: Estimate(value=value, low=value - 0.125, high=value + 0.125, n=1234)
            for name, value in measures.items()
        },
        run_id="run8",
    )


def told(version: int, outcome: str, **measures: float) -> Told:
    return Told(
        card=card(version, **measures),
        outcome=outcome,
        reasons=("pass: it wins.", f"hold: the group {HOSTILE} is small."),
        moves=("2026-01-01 promote version 3, by ada: asked for",),
        links=(("evaluation", "http://mlflow/#/runs/8"), ("commit", "0123abc")),
        answers=[{"prompt": HOSTILE, "champion": "No <b>bold</b>.", "challenger": "x" * 5000, "verdict": "champion"}],
    )


def test_a_person_finds_decision_reasons_numbers_and_answers_and_users_text_stays_text() -> None:
    two = told(2, "hold", **{"policy/win_rate": 0.5, "policy/kl": -3.0, f"policy/win_rate/{HOSTILE}": 0.25})
    three = told(3, "promote", **{"policy/win_rate": 0.75, "policy/kl": 1.0})
    html = page([two, three], "mlflow ui")
    assert "Version 2. Held" in html
    assert "Version 3. Promoted" in html
    assert html.count('<span class="mark hold">hold</span>the group &lt;script&gt;') == 2
    assert "by ada: asked for" in html
    assert "<script" not in html
    assert "<b>bold" not in html
    assert "✓ version 1: No &lt;b&gt;bold&lt;/b&gt;." in html
    assert "x" * 1000 in html
    assert "x" * 1001 not in html
    loaded = re.findall(r'(?:src|href)="(?!data:)([^"]*)"', html)
    assert loaded == ["http://mlflow/#/runs/8"] * 2, "nothing is loaded"


def test_an_interval_is_drawn_where_it_lies_on_the_scale_of_its_measure() -> None:
    html = page([told(2, "", **{"policy/win_rate": 0.5, "policy/kl": -2.875}), told(3, "", **{"policy/kl": 0.875})], "")
    assert 'style="left:37.5%;width:25.0%"' in html  # 0.375 to 0.625 of 0 to 1
    assert 'style="left:0.0%;width:6.2%"' in html  # -3 to -2.75 of -3 to 1
    assert 'style="left:93.8%;width:6.2%"' in html
    assert '<td class="faint">–</td>' in html  # version 3 has no win rate
    assert "The gate has not decided." in html


def test_the_terminal_shows_measures_of_one_prefix_together_and_groups_last() -> None:
    measured = {"policy/win_rate": 0.5, "policy/win_rate/[red]": 0.25, "reward/ece": 0.125, "policy/kl": 1.0}
    console = Console(width=120)
    with console.capture() as shown:
        console.print(table({2: card(2, **measured)}))
    names = re.findall(r"│ (\w+/\S+)", shown.get())
    assert names == ["policy/win_rate", "policy/kl", "reward/ece", "policy/win_rate/[red]"]
