"""Reads feedback that says itself what it means: thumbs, ratings, choices, edits, retries, copies, reports."""

import polars as pl

from components.records.schemas import Signal, as_records

DETECTOR = "explicit/1"

# Kind to what it says of the answer it is about and how strongly, where the kind alone says it.
SAYS = {
    "choice": ("satisfied", 1.0),
    "copy": ("satisfied", 0.4),
    "edit": ("dissatisfied", 0.8),
    "regenerate": ("dissatisfied", 0.6),
    "abandon": ("dissatisfied", 0.2),
    "report": ("dissatisfied", 1.0),
}


def detect(feedback: pl.DataFrame) -> pl.DataFrame:
    """One signal for each piece of feedback that is explicit.

    Args:
        feedback: records of `Feedback`, shape (n,).

    Returns:
        Records of `Signal`; a thumb or rating is as strong as it is far from indifferent.
    """
    kinds = pl.DataFrame(
        {"kind": list(SAYS), "said": [said for said, _ in SAYS.values()], "sure": [sure for _, sure in SAYS.values()]}
    )
    scored = (
        pl.when(pl.col("score") > 0).then(pl.lit("satisfied")).when(pl.col("score") < 0).then(pl.lit("dissatisfied"))
    )
    found = (
        feedback.join(kinds, on="kind", how="left", maintain_order="left")
        .select(
            feedback="id",
            interaction="interaction",
            polarity=pl.coalesce("said", scored),
            rubric="kind",
            strength=pl.coalesce("sure", pl.col("score").abs()),
            evidence="text",
            detector=pl.lit(DETECTOR),
        )
        .drop_nulls("polarity")
    )
    return as_records(found, Signal)
