"""Takes the user turns out of messages in order. Knows nothing of where messages come from."""

import polars as pl

from components.feedback.signals.reactions import OPENING, REACTION

TURN = {"line": pl.Int64(), **REACTION}
"""`line` is the line of the file where the turn's row begins."""


def spoken(messages: pl.DataFrame) -> pl.DataFrame:
    """The user turns among messages.

    Args:
        messages: `line`, `role`, `content`, in order; a line is a conversation. Further columns stay beside the turns.

    Returns:
        Columns of `TURN` and the further ones.
    """
    others = [name for name in messages.columns if name not in ("line", "role", "content")]
    heard = messages.filter(pl.col("content").is_not_null())
    heard = heard.with_columns(asks=(pl.col("role") == "user").fill_null(False))
    heard = heard.with_columns(turn=pl.col("asks").cum_sum())
    told = heard.filter(pl.col("role").is_in(("assistant", "tool")) & (pl.col("content").str.strip_chars() != ""))
    answers = told.group_by("line", "turn", maintain_order=True).agg(answered=pl.col("content").str.join("\n\n"))
    asked = pl.when(pl.col("line") == pl.col("line").shift(1)).then(pl.col("content").shift(1))
    return (
        heard.filter("asks")
        .with_columns(asked=asked, earlier=pl.int_range(pl.len(), dtype=pl.UInt32).over("line"))
        .join(answers.with_columns(pl.col("turn") + 1), on=["line", "turn"], how="left", maintain_order="left")
        .with_columns(
            kind=pl.when(pl.col("earlier") == 0).then(pl.lit(OPENING)).otherwise(pl.lit("followup")),
            score=pl.lit(None, pl.Float64),
        )
        .select(*TURN.keys() - {"text"}, *others, text="content")
        .select(*TURN, *others)
    )
