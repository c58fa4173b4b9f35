"""How often the judge prefers the challenger's answer to the champion's, for all and by group; ties count half."""

from itertools import compress

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.evaluation.grouping import by_group, worst_group
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/win_rate`: a share of the prompts that were judged.

    `policy/win_rate/<group>`: the same for every group with 20 or more; `policy/win_rate_worst_group`: the lowest of
    them.
    """
    verdicts = evidence.answers.verdicts
    wins = verdicts.challenger_wins[verdicts.judged]
    groups = list(compress(evidence.answers.groups, verdicts.judged))
    found = {
        name: estimate(wins[member], resamples=resamples, seed=seed)
        for name, member in by_group("policy/win_rate", groups).items()
    }
    worst = worst_group("policy/win_rate", found)
    return found | ({"policy/win_rate_worst_group": found[f"policy/win_rate/{worst}"]} if worst else {})
