"""The gate: a written policy that turns a scorecard into promote, hold or refuse. Knows nothing of how it is measured.

The policy is a TOML file a person edits; its own comments say how to read it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from components import policy as written
from components.policy import in_numbers, read_checks
from components.records.errors import BadInput
from components.records.handles import Decision, Estimate, Scorecard
from components.significance import CHANCE, at_any_time, detectable, needed, spent, widened

DEFAULT_POLICY = Path(__file__).parents[2] / "mlflow" / "gate.toml"

PEOPLE = "people/"
"""With this the names begin of what people measure, who come later than everything else."""

LIVE = "live/"
"""With this the names begin of what users make of a canary while it is tried."""

SHADOW = "shadow/"
"""With this the names begin of how a shadow's answers compare with those that users got."""

Outcome = Literal["promote", "hold", "refuse"]


SEVERITY: dict[Outcome, int] = {"promote": 0, "hold": 1, "refuse": 2}


class Check(written.Check):
    """What one measure of the scorecard must show.

    Attributes:
        by: whether the whole interval has to lie beyond the bound, or only must not lie short of it (`interval
            against`), or the value alone decides.
        needs: how many units the measure has to be made on; fewer hold. With 0 a measure of nothing can pass by value.
        of: `everybody`, or `each group`, which the measure is then made for as measure/GROUP. A group on which it is
            made too rarely stops nothing, unless its whole interval is short of the bound.
    """

    by: Literal["interval", "interval against", "value"] = "interval"
    needs: Annotated[int, Field(ge=0)] = 1
    of: Literal["everybody", "each group"] = "everybody"


class Policy(BaseModel):
    """All the checks of a scorecard, in the order they are written."""

    model_config = ConfigDict(frozen=True)

    checks: tuple[Check, ...]


def read_policy(file: Path) -> Policy:
    """Read a gate policy.

    Raises:
        BadInput: the file is missing, is not TOML, has no checks, or a check has an unknown key or a wrong value.
    """
    checks = read_checks(file, Check, DEFAULT_POLICY)
    return Policy(checks=tuple(check for check in checks if not check.measure.startswith((LIVE, SHADOW))))


def read_live_checks(file: Path) -> tuple[Check, ...]:
    """Read what a gate policy asks for at every step of a canary.

    Raises:
        BadInput: as `read_policy`, or it asks for nothing.
    """
    return _checks_of(file, LIVE, "what users must make of a canary", "live/approval")


def read_shadow_checks(file: Path) -> tuple[Check, ...]:
    """Read what a gate policy asks for before any user gets an answer of a shadow.

    Raises:
        BadInput: as `read_policy`, or it asks for nothing.
    """
    return _checks_of(file, SHADOW, "how a shadow's answers must compare", "shadow/win_rate")


def _checks_of(file: Path, prefix: str, unsaid: str, usual: str) -> tuple[Check, ...]:
    checks = tuple(check for check in read_checks(file, Check, DEFAULT_POLICY) if check.measure.startswith(prefix))
    if not checks:
        fix = f"Copy the [[check]] of {usual} from {DEFAULT_POLICY}."
        raise BadInput(f"the gate policy does not say {unsaid}", file, fix)
    return checks


def decide(scorecard: Scorecard, policy: Policy, look: int = 1) -> Decision:
    """Hold a scorecard against a policy: one refusal refuses, else one hold holds, else the challenger is promoted.

    A challenger has to pass every check, so many checks do not make it easier to pass by chance; but any of them can
    refuse it, so a refusal has to stand the correction for their number (Bonferroni). To look again at what was held
    gives chance another try, so a later look asks for more (`components.significance.spent`).

    Args:
        scorecard: what was measured.
        policy: what it has to show.
        look: the how-manieth decision on this challenger beside the same champion.

    Returns:
        The outcome, with one sentence a check in the order of the policy. A measure the scorecard lacks refuses,
        and holds where people have yet to make it.
    """
    return weigh(scorecard.measures, policy, look)


def weigh(measures: dict[str, Estimate], policy: Policy, look: int = 1) -> Decision:
    """What `decide` says of a scorecard with these measures."""
    ways = sum(_ways(check, measures) for check in policy.checks)
    return _weighed(measures, policy.checks, Demand(partial(_at_a_look, look), ways, f"look {look} at it"))


def weigh_live(measures: dict[str, Estimate], checks: tuple[Check, ...], steps: int) -> Decision:
    """Hold what a step of a canary has shown against the policy: promote goes on to the next one, refuse takes it back.

    It can be looked at as often as one wants while users come (`components.significance.at_any_time`).

    Args:
        measures: of this step.
        checks: what they have to show.
        steps: how many there are, each with its own chance to take back one that is no worse.
    """
    ways = steps * sum(_ways(check, measures) for check in checks)
    return _weighed(measures, checks, Demand(at_any_time, ways, "looking again and again"))


def _weighed(measures: dict[str, Estimate], checks: tuple[Check, ...], demand: "Demand") -> Decision:
    results = [_consider(check, measures, demand) for check in checks]
    outcomes = {outcome for outcome, _ in results}
    outcome: Outcome = "refuse" if "refuse" in outcomes else "hold" if "hold" in outcomes else "promote"
    return Decision(outcome=outcome, reasons=tuple(reason for _, reason in results))


@dataclass(frozen=True)
class Demand:
    """How much evidence is asked for.

    Attributes:
        widened: an estimate with the interval that lies beyond the truth with a chance on either side, over all looks.
        ways: how many intervals can refuse.
        because: what asks for more than one interval that is looked at once.
    """

    widened: Callable[[Estimate, float], Estimate]
    ways: int
    because: str

    def to_pass(self, estimate: Estimate) -> Estimate:
        """With the interval that has to lie beyond the bound."""
        return self.widened(estimate, CHANCE)

    def to_refuse(self, estimate: Estimate) -> Estimate:
        """With the interval that has to be short of it."""
        return self.widened(estimate, CHANCE / self.ways)


def _at_a_look(look: int, estimate: Estimate, chance: float) -> Estimate:
    return widened(estimate, spent(look, chance))


def _ways(check: Check, measures: dict[str, Estimate]) -> int:
    if check.by == "value":
        return 0
    return len(_groups(check, measures)) if check.of == "each group" else 1


def _groups(check: Check, measures: dict[str, Estimate]) -> dict[str, Estimate]:
    return {name: measures[name] for name in measures if name.startswith(f"{check.measure}/")}


def _consider(check: Check, measures: dict[str, Estimate], demand: Demand) -> tuple[Outcome, str]:
    if check.of == "each group":
        return _consider_groups(check, measures, demand)
    estimate = measures.get(check.measure)
    if estimate is None and check.measure.startswith((LIVE, SHADOW)):
        return "hold", f"hold: too few users so far to say anything of {check.measure}."
    if estimate is None and check.measure.startswith(PEOPLE) and not any(name.startswith(PEOPLE) for name in measures):
        return "hold", f"hold: nobody has judged yet, so there is no {check.measure}; `heed judge` asks people."
    if estimate is None:
        near = get_close_matches(check.measure, measures, n=1)
        hint = f"; did the policy mean {near[0]}?" if near else "."
        return "refuse", f"refuse: the scorecard has no measure {check.measure}{hint}"
    outcome, finding = _weigh(check, estimate, demand)
    sentence = f"{in_numbers(check, estimate)}: {finding}"
    if outcome == "promote":
        return outcome, f"pass: {sentence}."
    return outcome, f"{outcome}: {sentence}" + (f"; {check.because}." if check.because else ".")


def _consider_groups(check: Check, measures: dict[str, Estimate], demand: Demand) -> tuple[Outcome, str]:
    """The group for which it is worst decides; the others are no better off for it."""
    groups = _groups(check, measures)
    large = {name: found for name, found in groups.items() if found.n >= check.needs}
    alone = check.model_copy(update={"of": "everybody", "needs": 1})
    weighed = [
        (outcome, name)
        for name in groups
        if (outcome := _weigh(alone, groups[name], demand)[0]) == "refuse" or name in large
    ]
    if not weighed:
        return "promote", f"pass: {check.measure} of each group: no group has {check.needs} or more."
    worst = max(weighed, key=lambda found: (SEVERITY[found[0]], _shortfall(check, groups[found[1]])))[1]
    return _consider(alone.model_copy(update={"measure": worst}), {worst: groups[worst]}, demand)


def _shortfall(check: Check, estimate: Estimate) -> float:
    return check.bound - estimate.low if check.more_is_better else estimate.high - check.bound


def _weigh(check: Check, estimate: Estimate, demand: Demand) -> tuple[Outcome, str]:
    if estimate.n < check.needs:
        return "hold", f"measured on fewer than the {check.needs} the policy asks for"
    if check.by == "value":
        return _weigh_value(check, estimate.value)
    outcome, finding = _weigh_interval(check, estimate, demand)
    if check.by == "interval against" and outcome == "hold":
        return "promote", f"nothing shows that it is {'below' if check.more_is_better else 'above'} {check.bound:g}"
    return outcome, finding


def _weigh_value(check: Check, value: float) -> tuple[Outcome, str]:
    passed = value >= check.bound if check.more_is_better else value <= check.bound
    limit = f"at least {check.bound:g}" if check.more_is_better else f"at most {check.bound:g}"
    return ("promote", limit) if passed else ("refuse", f"not {limit}")


def _weigh_interval(check: Check, estimate: Estimate, demand: Demand) -> tuple[Outcome, str]:
    """Touching the bound is not beyond it: a challenger equal to the champion wins exactly half, and is no better."""
    if math.isnan(estimate.value):
        return "hold", "it could not be measured"
    good, bad = ("above", "below") if check.more_is_better else ("below", "above")
    if _side(check, demand.to_pass(estimate)) == good:
        return "promote", f"the whole interval is {good} {check.bound:g}"
    if _side(check, demand.to_refuse(estimate)) == bad:
        return "refuse", f"the whole interval is {bad} {check.bound:g}"
    found = {
        good: f"the interval is {good} {check.bound:g}, though not by as much as {demand.because} asks for",
        bad: f"the interval is {bad} {check.bound:g}, which can be chance where {demand.ways} are looked at",
    }.get(_side(check, estimate), f"the interval reaches {check.bound:g}, so there is not enough evidence")
    return "hold", f"{found}: {_wanting(check, estimate)}"


def _side(check: Check, estimate: Estimate) -> str:
    """Of the bound, on which the whole interval lies."""
    return "above" if estimate.low > check.bound else "below" if estimate.high < check.bound else "neither"


def _wanting(check: Check, estimate: Estimate) -> str:
    """What so many units can show, and how many it would take."""
    shown = f"{estimate.n} can show a difference of {detectable(estimate):.2g}"
    units = needed(estimate, check.bound)
    if units is None:
        return f"{shown}, and there is next to none here"
    # Two digits of a number that is estimated itself.
    told = round(units, 2 - len(str(units)))
    return f"{shown}; for one of {abs(estimate.value - check.bound):.2g}, as here, it takes about {told:,}"
