"""Reads feedback that says itself what it means: thumbs, ratings, choices, edits, retries, copies, reports."""

import polars as pl

from components.workspace import Workspace

# Kind to what it says of the answer it is about and how strongly, where the kind alone says it.
SAYS = {
    "choice": ("satisfied", 1.0),
    "copy": ("satisfied", 0.4),
    "edit": ("dissatisfied", 0.8),
    "regenerate": ("dissatisfied", 0.6),
    "abandon": ("dissatisfied", 0.2),
    "report": ("dissatisfied", 1.0),
}


class Explicit:
    """One finding for each reaction that is explicit; a thumb or rating is as strong as it is far from indifferent."""

    name = "explicit/1"

    def __init__(self, workspace: Workspace) -> None:
        del workspace  # it needs nothing but what users did

    def find(self, reactions: pl.DataFrame) -> pl.DataFrame:
        """See `Detector.find`; the rubric is the kind of feedback."""
        kinds = pl.DataFrame(
            {
                "kind": list(SAYS),
                "said": [said for said, _ in SAYS.values()],
                "sure": [sure for _, sure in SAYS.values()],
            }
        )
        scored = (
            pl.when(pl.col("score") > 0)
            .then(pl.lit("satisfied"))
            .when(pl.col("score") < 0)
            .then(pl.lit("dissatisfied"))
        )
        return (
            reactions.with_row_index("row")
            .join(kinds, on="kind", how="left", maintain_order="left")
            .select(
                "row",
                polarity=pl.coalesce("said", scored),
                rubric="kind",
                strength=pl.coalesce("sure", pl.col("score").abs()),
                evidence="text",
            )
            .drop_nulls("polarity")
        )
