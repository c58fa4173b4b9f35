"""Parts what was measured by the group of users it comes from."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.records.handles import Estimate

ENOUGH = 20
"""Prompts or pairs of a group; a share of fewer says nothing about it."""


def by_group(measure: str, groups: Sequence[str | None]) -> dict[str, np.ndarray]:
    """Which of n prompts or pairs belong to a measure of all, and of each group that is large enough.

    Args:
        measure: its name.
        groups: of each prompt or pair, None where unknown.

    Returns:
        The name, and the name with /GROUP for each, to booleans of shape (n,).
    """
    known = np.array([group or "" for group in groups])
    names, sizes = np.unique(known, return_counts=True)
    large = (name for name, size in zip(names, sizes, strict=True) if name and size >= ENOUGH)
    return {measure: np.full(len(known), True)} | {f"{measure}/{name}": known == name for name in large}


def worst_group(measure: str, found: Mapping[str, Estimate]) -> str | None:
    """The name of the group with the lowest value; None where there is no group.

    Args:
        measure: its name, which those of groups are made from.
        found: what was measured; of groups as MEASURE/GROUP.
    """
    values = {name: estimate.value for name, estimate in found.items() if name.startswith(f"{measure}/")}
    return min(values, key=values.__getitem__).removeprefix(f"{measure}/") if values else None
