"""The data gate: a written policy that says whether data may train a model. Knows nothing of how data is measured.

It stops where trouble is beyond doubt: where the whole interval of a measure lies past its bound. A measure that was
not taken, as the agreement of raters where there is one rater, stops nothing.
"""

from pathlib import Path
from typing import Literal

from components import policy as written
from components.policy import in_numbers, read_checks
from components.records.handles import DataVerdict, Estimate

DEFAULT_POLICY = Path(__file__).parents[2] / "expectations" / "gate.toml"


class Check(written.Check):
    """What one measure of the data must not show.

    Attributes:
        then: what follows where it does.
    """

    then: Literal["hold", "refuse"] = "hold"


def read_policy(file: Path) -> tuple[Check, ...]:
    """Read the policy of the data gate.

    Raises:
        BadInput: the file is missing, is not TOML, has no checks, or a check has an unknown key or a wrong value.
    """
    return read_checks(file, Check, DEFAULT_POLICY)


def decide(measures: dict[str, Estimate], checks: tuple[Check, ...]) -> DataVerdict:
    """Hold measures against a policy: one refusal refuses, else one hold holds, else the data is accepted.

    Returns:
        The outcome, with one sentence a check: those that stop the data first.
    """
    stopping, passing = [], []
    for check in checks:
        estimate = measures.get(check.measure)
        if estimate is None:
            passing.append(("accept", f"not measured: {check.measure}"))
        elif _beyond(check, estimate):
            stopping.append((check.then, _sentence(check, estimate)))
        else:
            passing.append(("accept", f"pass: {in_numbers(check, estimate)}"))
    stopping.sort(key=lambda found: found[0] != "refuse")
    outcome = stopping[0][0] if stopping else "accept"
    return DataVerdict(outcome=outcome, reasons=tuple(sentence for _, sentence in stopping + passing))


def _beyond(check: Check, estimate: Estimate) -> bool:
    return estimate.high < check.bound if check.more_is_better else estimate.low > check.bound


def _sentence(check: Check, estimate: Estimate) -> str:
    limit = f"below {check.bound:g}" if check.more_is_better else f"above {check.bound:g}"
    because = f"; {check.because}" if check.because else ""
    return f"{check.then}: {in_numbers(check, estimate)}: all of it {limit}{because}"
