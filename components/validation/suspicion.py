"""Keeps back, for a person, pairs that somebody may have planted, or that would give an evaluation away."""

import polars as pl

from components.validation import overlap, quarantine
from components.validation.defences import suspects
from components.validation.material import Material


def unsuspected(material: Material, sets: pl.DataFrame, trusted: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the pairs of a batch into those to take and those to hold.

    Args:
        material: the pairs, with the interactions and feedback they were made of; what was known before as `accepted`.
        sets: known evaluation sets, as `overlap.find` takes them.
        trusted: ids of pairs that a person has released; they are not suspected again.

    Returns:
        Records of `Preference`, and the others as problems (the columns of `PROBLEM`) with every reason.
    """
    found = pl.concat([suspects(material), overlap.find(material.preferences, sets)])
    found = found.filter(~pl.col("id").is_in(trusted.implode()))
    reasons = found.group_by("id", maintain_order=True).agg(pl.col("reason").str.join("; "))
    held = material.preferences.join(reasons, on="id", maintain_order="left")
    kept = material.preferences.join(reasons, on="id", how="anti", maintain_order="left")
    return kept, quarantine.as_problems(held, "preferences")
