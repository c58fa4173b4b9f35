"""Whether the sides of a dataset version can be trusted: enough on each, and no prompt on two of them."""

import polars as pl

from components.records.errors import BadInput

FEWEST = {"train": 16, "validation": 2, "test": 4}


def check(groups: dict[str, pl.Series]) -> None:
    """Refuse sides that would train or measure nothing, or leak.

    Args:
        groups: side to the prompt group of each of its preferences; those that FEWEST names are there.

    Raises:
        BadInput: too few preferences on a side, or a prompt group on two.
    """
    for side, fewest in FEWEST.items():
        if len(groups[side]) < fewest:
            raise BadInput(
                f"too few preferences: {len(groups[side])} on the {side} side, at least {fewest} are needed",
                "the dataset",
                "Land more with `heed ingest` or `heed simulate`.",
            )
    places = pl.concat([group.unique() for group in groups.values()])
    if places.n_unique() != len(places):
        raise BadInput("a prompt is on two sides of the split", "the dataset", "This is a fault of heed; report it.")
