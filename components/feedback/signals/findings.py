"""What a detector gives. Knows nothing of who finds it."""

import polars as pl

FINDING = {
    "row": pl.UInt32(),
    "polarity": pl.String(),
    "rubric": pl.String(),
    "strength": pl.Float64(),
    "evidence": pl.String(),
}
"""What a detector says of one reaction: which one, and the columns of a `Signal`."""
