"""Settings to try: every combination of some values, or some of the combinations. Knows nothing of what is tried."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from components.config.loading import altered
from components.config.settings import Settings
from components.records.errors import BadInput

TRIED = "train"
"""The section whose settings can be tried. What the others say has to be the same for all that are compared."""

Point = tuple[str, ...]
"""Settings that are tried together, each as `train.beta=0.2`."""


def points(axes: Sequence[str], settings: Settings) -> list[Point]:
    """Every combination of the values of some settings.

    Args:
        axes: each as `train.beta=0.1,0.3`.
        settings: what holds for all else.

    Returns:
        The last axis varies first; each combination once.

    Raises:
        BadInput: a key that is unknown or of another section, or a value of the wrong type or out of range.
    """
    values: dict[str, list[str]] = {}
    for axis in axes:
        key, equals, texts = axis.partition("=")
        named = [f"{key.strip()}={text.strip()}" for text in texts.split(",")] if equals else [axis]
        values.setdefault(key.strip(), []).extend(named)
    grid = list(dict.fromkeys(product(*values.values())))
    for point in grid:
        altered(settings, point)
    for key in values:
        if not key.startswith(f"{TRIED}."):
            fix = f"A sweep tries settings of [{TRIED}]; set this one for all with --set."
            raise BadInput(f"{key} has to be the same for all that are compared", "the command line", fix)
    return grid


def draw(grid: Sequence[Point], count: int, seed: int) -> list[Point]:
    """Some points of a grid at random, no one twice, in the order of the grid; all of them where there are no more.

    With the same seed those that are drawn are among those that are drawn of a greater count.

    Random search over what was listed (https://www.jmlr.org/papers/v13/bergstra12a.html).
    """
    drawn = np.random.default_rng(seed).permutation(len(grid))[:count]
    return [grid[number] for number in sorted(drawn)]


def settings_of(settings: Settings, point: Point) -> dict[str, Any]:
    """Key to value, of the settings of a point."""
    there = altered(settings, point)
    keys = [text.partition("=")[0].strip() for text in point]
    return {key: getattr(getattr(there, TRIED), key.removeprefix(f"{TRIED}.")) for key in keys}
