"""Sides that would train or measure nothing, or leak, are refused."""

import polars as pl
import pytest

from components.records.errors import BadInput
from components.validation.sides import check


def groups(**other: list[int]) -> dict[str, pl.Series]:
    sides = {"train": list(range(100, 120)), "validation": [200, 200], "test": [300, 301, 302, 302], "newest": []}
    return {name: pl.Series(numbers, dtype=pl.Int64) for name, numbers in (sides | other).items()}


def test_enough_on_each_side_and_none_of_the_newest_is_sound() -> None:
    check(groups())


@pytest.mark.parametrize(("side", "numbers"), [("test", [300, 301, 302]), ("validation", [1]), ("train", [5] * 15)])
def test_too_few_on_a_side_are_refused_with_its_name(side: str, numbers: list[int]) -> None:
    with pytest.raises(BadInput, match=f"{len(numbers)} on the {side} side"):
        check(groups(**{side: numbers}))


@pytest.mark.parametrize("side", ["validation", "test", "newest"])
def test_a_group_on_two_sides_is_refused(side: str) -> None:
    with pytest.raises(BadInput, match="on two sides"):
        check(groups(**{side: [119, 400, 401, 402]}))
