"""The gate: a written policy that turns a scorecard into promote, hold or refuse. Knows nothing of how it is measured.

The policy is a TOML file a person edits; its own comments say how to read it.
"""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.records.errors import BadInput
from components.records.handles import Decision, Estimate, Scorecard

DEFAULT_POLICY = Path(__file__).parents[2] / "mlflow" / "gate.toml"

Bound = Annotated[float, Field(allow_inf_nan=False)]
Outcome = Literal["promote", "hold", "refuse"]


class Check(BaseModel):
    """What one measure must show.

    Attributes:
        measure: its name in the scorecard.
        at_least: the bound, where more is better.
        at_most: the bound, where less is better; one of the two is given.
        by: whether the whole interval has to lie beyond the bound, or the value alone decides.
        needs: how many units the measure has to be made on; fewer hold.
        because: why, in plain words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    measure: str
    at_least: Bound | None = None
    at_most: Bound | None = None
    by: Literal["interval", "value"] = "interval"
    needs: Annotated[int, Field(ge=1)] = 1
    because: str = ""

    @model_validator(mode="after")
    def _one_bound(self) -> "Check":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("needs exactly one of at_least and at_most")
        return self

    @property
    def more_is_better(self) -> bool:
        return self.at_least is not None

    @property
    def bound(self) -> float:
        bound = self.at_least if self.at_most is None else self.at_most
        assert bound is not None
        return bound


class Policy(BaseModel):
    """All the checks, in the order they are written."""

    model_config = ConfigDict(frozen=True)

    checks: tuple[Check, ...]


def read_policy(file: Path) -> Policy:
    """Read a gate policy.

    Raises:
        BadInput: the file is missing, is not TOML, has no checks, or a check has an unknown key or a wrong value.
    """
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not valid TOML: {error}", file, "Correct that line.") from None
    except OSError as error:
        fix = f"Copy {DEFAULT_POLICY} there and edit it."
        raise BadInput(f"the gate policy cannot be read: {error.strerror}", file, fix) from None
    for key in tree:
        if key != "check":
            raise BadInput(f"unknown key {key}", file, "A gate policy holds [[check]] tables and nothing else.")
    tables = tree.get("check", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadInput("check is not a list of tables", file, "Head each check with [[check]], in double brackets.")
    if not tables:
        fix = "Write at least one [[check]]: a gate without any lets everything through."
        raise BadInput("the gate policy has no checks", file, fix)
    return Policy(checks=tuple(_read_check(table, file, number) for number, table in enumerate(tables, start=1)))


def decide(scorecard: Scorecard, policy: Policy) -> Decision:
    """Hold a scorecard against a policy: one refusal refuses, else one hold holds, else the challenger is promoted.

    Returns:
        The outcome, with one sentence a check in the order of the policy. A measure the scorecard lacks refuses.
    """
    results = [_consider(check, scorecard.measures) for check in policy.checks]
    outcomes = {outcome for outcome, _ in results}
    outcome: Outcome = "refuse" if "refuse" in outcomes else "hold" if "hold" in outcomes else "promote"
    return Decision(outcome=outcome, reasons=tuple(reason for _, reason in results))


def _consider(check: Check, measures: dict[str, Estimate]) -> tuple[Outcome, str]:
    estimate = measures.get(check.measure)
    if estimate is None:
        near = get_close_matches(check.measure, measures, n=1)
        hint = f"; did the policy mean {near[0]}?" if near else "."
        return "refuse", f"refuse: the scorecard has no measure {check.measure}{hint}"
    outcome, finding = _weigh(check, estimate)
    interval = f"95% interval {estimate.low:.3g} to {estimate.high:.3g}, n {estimate.n}"
    sentence = f"{check.measure} is {estimate.value:.3g} ({interval}): {finding}"
    if outcome == "promote":
        return outcome, f"pass: {sentence}."
    return outcome, f"{outcome}: {sentence}" + (f"; {check.because}." if check.because else ".")


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
    above, below = estimate.low > check.bound, estimate.high < check.bound
    if not above and not below:
        return "hold", f"the interval reaches {check.bound:g}, so there is not enough evidence"
    finding = f"the whole interval is {'above' if above else 'below'} {check.bound:g}"
    return ("promote" if above == check.more_is_better else "refuse"), finding


def _read_check(table: dict[str, Any], file: Path, number: int) -> Check:
    try:
        return Check.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
    where = f"{file}, check {number}" + (f" ({table['measure']})" if "measure" in table else "")
    if not first["loc"]:
        raise BadInput(str(first["ctx"]["error"]), where, "Give the bound as at_least or as at_most.")
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        near = get_close_matches(key, Check.model_fields, n=1)
        fix = f"Did you mean {near[0]}?" if near else f"The keys are {', '.join(Check.model_fields)}."
        raise BadInput(f"unknown key {key}", where, fix)
    if first["type"] == "missing":
        raise BadInput(f"{key} is missing", where, 'Name what is checked, as measure = "policy/win_rate".')
    problem = f"{key} = {table[key]!r}: {first['msg'][0].lower()}{first['msg'][1:]}"
    raise BadInput(problem, where, f"Correct {key} in that check.")
