"""How often the judge prefers the challenger's answer to the champion's; ties count half."""

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/win_rate`: a share of prompts."""
    wins = evidence.answers.verdicts.challenger_wins
    return {"policy/win_rate": estimate(wins, resamples=resamples, seed=seed)}
