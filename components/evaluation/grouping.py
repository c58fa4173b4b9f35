"""Parts what was measured by the group of users it comes from."""

from collections.abc import Sequence

import numpy as np

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
