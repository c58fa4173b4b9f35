"""Holds pairs against the truth that only a simulation knows: do they point the right way, and how many are found?

A pair is right where the true taste of its rater's group gives the chosen answer more than the rejected one. What could
be learned are the pairs that follow from the same feedback with every slip undone, point the right way, and whose
answers are clearly apart to the rater. Knows nothing of how pairs are made.
"""

from collections.abc import Sequence

import polars as pl
from rich.table import Table

from components.records.messages import text_of, transcript
from components.simulation.tastes import TASTES

CLEARLY = 1.0  # worth; the unit of `Taste.weights`
ALL = "all"


def kinds_of(preferences: pl.DataFrame, signals: pl.DataFrame, feedback: pl.DataFrame) -> pl.DataFrame:
    """Name the kinds of feedback each pair was made of: records of `Preference` and `kinds`, a list."""
    spoken = signals.select("feedback", signal="id").join(feedback.select("kind", feedback="id"), on="feedback")
    told = preferences.select("id", signal="provenance").explode("signal").join(spoken, on="signal")
    kinds = told.group_by("id").agg(kinds=pl.col("kind").unique().sort())
    return preferences.join(kinds, on="id", how="left", maintain_order="left")


def truth_of(built: pl.DataFrame, possible: pl.DataFrame) -> pl.DataFrame:
    """Compare pairs that were built with the truth, and with what there was to build.

    Args:
        built: pairs with the kinds of feedback they were made of, as `kinds_of` gives them.
        possible: the same, made of what users meant (`Landed.meant`).

    Returns:
        A row for each kind of feedback, for its pairs alone (a pair of two kinds counts for both), then one for `all`:
        `kind`; `built`, pairs; `right`, the share of them that points the right way, of those that are no tie to the
        rater; `ties`, pairs left out of that; `learnable`, pairs that could be learned; `found`, the share of them
        that was built. Shares of nothing are null.
    """
    gained = built.with_columns(gain=_gains(built))
    apart = possible.with_columns(gain=_gains(possible)).filter(pl.col("gain") >= CLEARLY)
    learnable = apart.with_columns(found=_keys(apart).is_in(_keys(built).implode()))
    kinds = sorted({kind for frame in (built, possible) for kind in frame["kinds"].explode().drop_nulls()})
    rows = [_row(kind, _of(gained, kind), _of(learnable, kind)) for kind in kinds]
    types = {"kind": pl.String, "built": pl.Int64, "right": pl.Float64, "ties": pl.Int64}
    schema = {**types, "learnable": pl.Int64, "found": pl.Float64}
    return pl.DataFrame([*rows, _row(ALL, gained, learnable)], schema=schema)


def as_table(truths: Sequence[tuple[str, pl.DataFrame]]) -> Table:
    """Reports side by side, each under its name."""
    table = Table("made of", *(f"{name}\n{column}" for name, _ in truths for column in ("pairs", "right", "found")))
    kinds = dict.fromkeys(kind for _, truth in truths for kind in truth["kind"] if kind != ALL)
    rows = [{row["kind"]: row for row in truth.iter_rows(named=True)} for _, truth in truths]
    for kind in (*kinds, ALL):
        cells = [cell for by_kind in rows for cell in _cells(by_kind.get(kind))]
        table.add_row(kind, *cells, end_section=kind == list(kinds)[-1])
    return table


def _cells(row: dict[str, int | float | None] | None) -> tuple[str, str, str]:
    if row is None:
        return "0", "", ""
    right, found = (f"{row[name]:.3f}" if row[name] is not None else "" for name in ("right", "found"))
    return str(row["built"]), right, f"{found} of {row['learnable']}" if found else ""


def _of(pairs: pl.DataFrame, kind: str) -> pl.DataFrame:
    return pairs.filter(pl.col("kinds").list.contains(kind))


def _row(kind: str, built: pl.DataFrame, learnable: pl.DataFrame) -> dict[str, str | int | float | None]:
    told = built.filter(pl.col("gain").abs() > 1e-9)
    return {
        "kind": kind,
        "built": built.height,
        "right": told.select((pl.col("gain") > 0).mean()).item(),
        "ties": built.height - told.height,
        "learnable": learnable.height,
        "found": learnable["found"].mean(),
    }


def _gains(pairs: pl.DataFrame) -> pl.Series:
    """How much better the chosen answer is to the rater, in worth."""
    told = pairs.select("prompt", "group", *(text_of(pl.col(side)).alias(side) for side in ("chosen", "rejected")))
    gains = [
        TASTES[group].utility(prompt, chosen) - TASTES[group].utility(prompt, rejected)
        for prompt, group, chosen, rejected in told.iter_rows()
    ]
    return pl.Series("gain", gains, dtype=pl.Float64)


def _keys(pairs: pl.DataFrame) -> pl.Series:
    """The same for the same answers to the same prompt in the same order by the same rater."""
    prompt, chosen, rejected = (transcript(pl.col(name)) for name in ("prompt", "chosen", "rejected"))
    return pairs.select(pl.concat_str(prompt, chosen, rejected, "rater", separator="\x1d")).to_series()
