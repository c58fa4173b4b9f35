"""What several detectors say of the same turns, as one verdict each. Knows nothing of who they are.

A finding of strength s is taken as log-odds of 2 artanh(s) for its polarity. A turn's findings add up, each as often as
its detector weighs, and what they come to is taken back to a strength.
"""

from collections.abc import Mapping, Sequence

import polars as pl

VERDICT = {
    "polarity": pl.String(),
    "strength": pl.Float64(),
    "rubric": pl.String(),
    "evidence": pl.String(),
    "detector": pl.String(),
}
"""What is said of a turn: polarity satisfied, dissatisfied or none; strength 0 where none; the rest null where none."""

BEYOND_DOUBT = 0.999
"""The strength that a strength of 1 counts as: one finding must not silence all others whatever they say."""


def log_odds() -> pl.Expr:
    """Findings as log-odds of dissatisfaction."""
    sign = pl.when(pl.col("polarity") == "dissatisfied").then(1.0).otherwise(-1.0)
    return sign * 2 * pl.col("strength").clip(0, BEYOND_DOUBT).arctanh()


def combined(findings: Sequence[tuple[str, pl.DataFrame]], weights: Mapping[str, float], turns: int) -> pl.DataFrame:
    """One verdict a turn.

    Args:
        findings: names of detectors, as "rubrics/1", and what they found: columns of `FINDING`.
        weights: name of a detector, without its version, to its say; one that is not named has 1.
        turns: how many turns there are.

    Returns:
        Columns of `VERDICT`, shape (turns,): rubric, evidence and detector of what told most in the verdict's favour.
    """
    told = [
        found.with_columns(detector=pl.lit(name), tells=log_odds() * weights.get(name.split("/")[0], 1.0))
        for name, found in findings
    ]
    rows = pl.DataFrame({"row": pl.int_range(turns, dtype=pl.UInt32, eager=True)})
    if not told:
        return _verdicts(rows.with_columns(net=0.0, **{name: pl.lit(None, dtype) for name, dtype in VERDICT.items()}))
    each = pl.concat(told)
    net = each.group_by("row").agg(net=pl.col("tells").sum())
    decisive = (
        each.join(net, on="row", maintain_order="left")
        .filter(pl.col("tells") * pl.col("net") > 0)
        .sort(pl.col("tells").abs(), descending=True, maintain_order=True)
        .unique("row", keep="first", maintain_order=True)
    )
    return _verdicts(rows.join(decisive, on="row", how="left", maintain_order="left"))


def _verdicts(rows: pl.DataFrame) -> pl.DataFrame:
    net = pl.col("net").fill_null(0.0)
    polarity = pl.when(net > 0).then(pl.lit("dissatisfied")).when(net < 0).then(pl.lit("satisfied"))
    return rows.with_columns(polarity=polarity.otherwise(pl.lit("none")), strength=(net.abs() / 2).tanh()).select(
        *VERDICT
    )
