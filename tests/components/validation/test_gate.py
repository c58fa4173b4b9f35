"""The data gate stops what is beyond doubt wrong, says why, and a person can overrule it."""

from pathlib import Path

import pytest

from components.records.errors import BadInput
from components.records.handles import Estimate
from components.validation.gate import DEFAULT_POLICY, Check, decide, read_policy


def measured(value: float, low: float, high: float) -> dict[str, Estimate]:
    return {"data/x": Estimate(value=value, low=low, high=high, n=100)}


@pytest.mark.parametrize(
    ("low", "high", "at_least", "at_most"),
    [
        (0.51, 0.60, "accept", "hold"),
        (0.40, 0.49, "hold", "accept"),
        (0.45, 0.55, "accept", "accept"),
        (0.50, 0.50, "accept", "accept"),  # on the bound is not beyond it
    ],
)
def test_it_stops_only_where_the_whole_interval_lies_beyond_the_bound(
    low: float, high: float, at_least: str, at_most: str
) -> None:
    measures = measured((low + high) / 2, low, high)
    assert decide(measures, (Check(measure="data/x", at_least=0.5),)).outcome == at_least
    assert decide(measures, (Check(measure="data/x", at_most=0.5),)).outcome == at_most


def test_one_refusal_outweighs_a_hold_and_comes_first() -> None:
    checks = (
        Check(measure="data/x", at_most=0.5, because="too long"),
        Check(measure="data/unknown", at_most=0.5),
        Check(measure="data/x", at_most=0.6, then="refuse", because="far too long"),
        Check(measure="data/x", at_most=0.9),
    )
    verdict = decide(measured(0.8, 0.75, 0.85), checks)
    assert verdict.outcome == "refuse"
    assert verdict.stops == (
        "refuse: data/x is 0.8 (95% interval 0.75 to 0.85, n 100): all of it above 0.6; far too long",
        "hold: data/x is 0.8 (95% interval 0.75 to 0.85, n 100): all of it above 0.5; too long",
    )
    assert verdict.reasons[2:] == (
        "not measured: data/unknown",
        "pass: data/x is 0.8 (95% interval 0.75 to 0.85, n 100)",
    )


def test_the_policy_that_comes_with_heed_can_be_read_and_says_why() -> None:
    checks = read_policy(DEFAULT_POLICY)
    assert len(checks) >= 8
    assert all(check.because and check.measure.startswith("data/") for check in checks)


def test_a_wrong_policy_is_said_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text('[[check]]\nmeasure = "data/x"\nat_most = 1.0\nthen = "stop"\n')
    with pytest.raises(BadInput, match=r"then = 'stop'.*check 1 \(data/x\)"):
        read_policy(file)
