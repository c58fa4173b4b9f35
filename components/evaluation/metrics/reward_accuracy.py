"""How often the reward model prefers what users preferred, over all and group by group."""

import numpy as np

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.evaluation.grouping import by_group, worst_group
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`reward/accuracy`: the share of test pairs with r(chosen) > r(rejected); ties count half.

    `reward/accuracy/<group>`: the same for every group with 20 pairs or more; `reward/accuracy_worst_group`: the
    lowest of them.
    """
    pairs = evidence.pairs
    right = (1 + np.sign(pairs.margins)) / 2
    found = {
        name: estimate(right[member], resamples=resamples, seed=seed, clusters=pairs.prompts[member])
        for name, member in by_group("reward/accuracy", pairs.groups).items()
    }
    worst = worst_group("reward/accuracy", found)
    return found | ({"reward/accuracy_worst_group": found[f"reward/accuracy/{worst}"]} if worst else {})
