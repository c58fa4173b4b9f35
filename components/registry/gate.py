"""The gate: a written policy that turns a scorecard into promote, hold or refuse. Knows nothing of how it is measured.

The policy is a TOML file a person edits; its own comments say how to read it.
"""

import math
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from components import policy as written
from components.policy import in_numbers, read_checks
from components.records.handles import Decision, Estimate, Scorecard
from components.significance import detectable, needed

DEFAULT_POLICY = Path(__file__).parents[2] / "mlflow" / "gate.toml"

Outcome = Literal["promote", "hold", "refuse"]


SEVERITY: dict[Outcome, int] = {"promote": 0, "hold": 1, "refuse": 2}


class Check(written.Check):
    """What one measure of the scorecard must show.

    Attributes:
        by: whether the whole interval has to lie beyond the bound, or the value alone decides.
        needs: how many units the measure has to be made on; fewer hold.
        of: `everybody`, or `each group`, which the measure is then made for as measure/GROUP. A group on which it is
            made too rarely stops nothing, unless its whole interval is short of the bound.
    """

    by: Literal["interval", "value"] = "interval"
    needs: Annotated[int, Field(ge=1)] = 1
    of: Literal["everybody", "each group"] = "everybody"


class Policy(BaseModel):
    """All the checks, in the order they are written."""

    model_config = ConfigDict(frozen=True)

    checks: tuple[Check, ...]


def read_policy(file: Path) -> Policy:
    """Read a gate policy.

    Raises:
        BadInput: the file is missing, is not TOML, has no checks, or a check has an unknown key or a wrong value.
    """
    return Policy(checks=read_checks(file, Check, DEFAULT_POLICY))


def decide(scorecard: Scorecard, policy: Policy) -> Decision:
    """Hold a scorecard against a policy: one refusal refuses, else one hold holds, else the challenger is promoted.

    Returns:
        The outcome, with one sentence a check in the order of the policy. A measure the scorecard lacks refuses.
    """
    return weigh(scorecard.measures, policy)


def weigh(measures: dict[str, Estimate], policy: Policy) -> Decision:
    """What `decide` says of a scorecard with these measures."""
    results = [_consider(check, measures) for check in policy.checks]
    outcomes = {outcome for outcome, _ in results}
    outcome: Outcome = "refuse" if "refuse" in outcomes else "hold" if "hold" in outcomes else "promote"
    return Decision(outcome=outcome, reasons=tuple(reason for _, reason in results))


def _consider(check: Check, measures: dict[str, Estimate]) -> tuple[Outcome, str]:
    if check.of == "each group":
        return _consider_groups(check, measures)
    estimate = measures.get(check.measure)
    if estimate is None:
        near = get_close_matches(check.measure, measures, n=1)
        hint = f"; did the policy mean {near[0]}?" if near else "."
        return "refuse", f"refuse: the scorecard has no measure {check.measure}{hint}"
    outcome, finding = _weigh(check, estimate)
    sentence = f"{in_numbers(check, estimate)}: {finding}"
    if outcome == "promote":
        return outcome, f"pass: {sentence}."
    return outcome, f"{outcome}: {sentence}" + (f"; {check.because}." if check.because else ".")


def _consider_groups(check: Check, measures: dict[str, Estimate]) -> tuple[Outcome, str]:
    """The group for which it is worst decides; the others are no better off for it."""
    groups = {name: measures[name] for name in measures if name.startswith(f"{check.measure}/")}
    large = {name: found for name, found in groups.items() if found.n >= check.needs}
    weighed = [
        (outcome, name)
        for name in groups
        if (outcome := _weigh(check.model_copy(update={"needs": 1}), groups[name])[0]) == "refuse" or name in large
    ]
    if not weighed:
        return "promote", f"pass: {check.measure} of each group: no group has {check.needs} or more."
    worst = max(weighed, key=lambda found: (SEVERITY[found[0]], _shortfall(check, groups[found[1]])))[1]
    alone = check.model_copy(update={"measure": worst, "of": "everybody", "needs": 1})
    return _consider(alone, {worst: groups[worst]})


def _shortfall(check: Check, estimate: Estimate) -> float:
    return check.bound - estimate.low if check.more_is_better else estimate.high - check.bound


def _weigh(check: Check, estimate: Estimate) -> tuple[Outcome, str]:
    if estimate.n < check.needs:
        return "hold", f"measured on fewer than the {check.needs} the policy asks for"
    return _weigh_value(check, estimate.value) if check.by == "value" else _weigh_interval(check, estimate)


def _weigh_value(check: Check, value: float) -> tuple[Outcome, str]:
    passed = value >= check.bound if check.more_is_better else value <= check.bound
    limit = f"at least {check.bound:g}" if check.more_is_better else f"at most {check.bound:g}"
    return ("promote", limit) if passed else ("refuse", f"not {limit}")


def _weigh_interval(check: Check, estimate: Estimate) -> tuple[Outcome, str]:
    """Touching the bound is not beyond it: a challenger equal to the champion wins exactly half, and is no better."""
    if math.isnan(estimate.value):
        return "hold", "it could not be measured"
    above, below = estimate.low > check.bound, estimate.high < check.bound
    if not above and not below:
        return (
            "hold",
            f"the interval reaches {check.bound:g}, so there is not enough evidence: {_wanting(check, estimate)}",
        )
    finding = f"the whole interval is {'above' if above else 'below'} {check.bound:g}"
    return ("promote" if above == check.more_is_better else "refuse"), finding


def _wanting(check: Check, estimate: Estimate) -> str:
    """What so many units can show, and how many it would take."""
    shown = f"{estimate.n} can show a difference of {detectable(estimate):.2g}"
    units = needed(estimate, check.bound)
    if units is None:
        return f"{shown}, and there is next to none here"
    # Two digits of a number that is estimated itself.
    told = round(units, 2 - len(str(units)))
    return f"{shown}; for one of {abs(estimate.value - check.bound):.2g}, as here, it takes about {told:,}"
