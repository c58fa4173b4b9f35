"""Takes apart transcripts: whole dialogues written as one text, each turn behind an opening such as "Human:".

Knows no format: who opens with what is told.
"""

from collections.abc import Mapping

import polars as pl

from components.records.messages import MESSAGES

MARK = "\x1d\x1e\x1d"
"""Stands between turns while they are taken apart; three separators in a row are in no text that people write."""


def turns(transcript: pl.Expr, openings: Mapping[str, str]) -> pl.Expr:
    """A column of transcripts as messages, their contents stripped.

    Args:
        transcript: texts.
        openings: what stands before a turn, with its line breaks, to the role of who speaks.

    Returns:
        Messages; what stands before the first opening is a message without a role.
    """
    marked = transcript
    for opening in openings:
        marked = marked.str.replace_all(opening, f"{MARK}{opening}", literal=True)
    role, content = pl.lit(None, pl.String), pl.element()
    for opening, speaker in openings.items():
        speaks = pl.element().str.starts_with(opening)
        role = pl.when(speaks).then(pl.lit(speaker)).otherwise(role)
        content = pl.when(speaks).then(pl.element().str.strip_prefix(opening)).otherwise(content)
    said = pl.struct(role=role, content=content.str.strip_chars())
    return marked.str.strip_prefix(MARK).str.split(MARK).list.eval(said).cast(MESSAGES)
