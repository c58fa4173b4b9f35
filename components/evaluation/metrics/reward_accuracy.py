"""How often the reward model prefers what users preferred, over all and group by group."""

import numpy as np

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate

ENOUGH = 20  # pairs; a share of fewer says nothing about a group


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`reward/accuracy`: the share of test pairs with r(chosen) > r(rejected); ties count half.

    `reward/accuracy/<group>`: the same for every group with 20 pairs or more.
    """
    pairs = evidence.pairs
    right = (1 + np.sign(pairs.margins)) / 2
    groups = np.array([group or "" for group in pairs.groups])
    names, sizes = np.unique(groups, return_counts=True)
    members = {"reward/accuracy": np.full(len(right), True)} | {
        f"reward/accuracy/{name}": groups == name
        for name, size in zip(names, sizes, strict=True)
        if name and size >= ENOUGH
    }
    return {
        name: estimate(right[member], resamples=resamples, seed=seed, clusters=pairs.prompts[member])
        for name, member in members.items()
    }
