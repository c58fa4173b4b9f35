"""What a user did about an answer, beside what they had asked and been told. Knows nothing of what it means."""

import polars as pl

from components.records.messages import text_of

REACTION = {
    "kind": pl.String(),
    "score": pl.Float64(),
    "text": pl.String(),
    "asked": pl.String(),
    "answered": pl.String(),
    "earlier": pl.UInt32(),
}
"""kind, score and text as in `Feedback`; `asked` is what the user had said before the answer, `answered` the answer,
`earlier` how often the user had spoken until then.

What is not known is null. A turn that opens a conversation has the kind `OPENING`: it reacts to nothing.
"""

OPENING = "opening"
WORDS = ("followup", "comment")
"""The kinds that are words to read."""


def reactions_to(feedback: pl.DataFrame, interactions: pl.DataFrame) -> pl.DataFrame:
    """Set each piece of feedback beside what it is about.

    Args:
        feedback: records of `Feedback`, shape (n,).
        interactions: records of `Interaction`.

    Returns:
        Columns of `REACTION`, shape (n,), in the same order.
    """
    said = pl.col("prompt").list.last().struct.field("content")
    by_user = pl.element().struct.field("role") == "user"
    about = interactions.select(
        interaction="id",
        asked=said,
        answered=text_of(pl.col("response")),
        earlier=pl.col("prompt").list.eval(by_user).list.sum().cast(pl.UInt32),
    )
    return feedback.join(about, on="interaction", how="left", maintain_order="left").select(*REACTION)
