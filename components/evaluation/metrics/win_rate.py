"""How often the judge prefers the challenger's answer to the champion's, for all and by group; ties count half."""

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.evaluation.grouping import by_group
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/win_rate`: a share of prompts. `policy/win_rate/<group>`: the same for every group with 20 or more."""
    answers = evidence.answers
    return {
        name: estimate(answers.verdicts.challenger_wins[member], resamples=resamples, seed=seed)
        for name, member in by_group("policy/win_rate", answers.groups).items()
    }
