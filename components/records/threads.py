"""Numbers conversations so that those that belong together have one number. Knows nothing of what belonging is for.

Whatever heed sets side by side begins alike: answers to one prompt, and a conversation and what it goes on in.
"""

import polars as pl

from components.records.sql import connection


def threads(conversations: pl.DataFrame) -> pl.Series:
    """Number conversations by what the user says first in them, but for blanks around it.

    Args:
        conversations: records with a `prompt`, shape (n, …).

    Returns:
        u64, shape (n,): the same on every machine; one number for all that the user does not begin.
    """
    messages = pl.col("prompt")
    after_system = messages.list.eval(pl.element().filter(pl.element().struct.field("role") != "system")).list.first()
    plain = messages.list.first()
    first = pl.when(plain.struct.field("role") == "system").then(after_system).otherwise(plain)
    begun = pl.when(first.struct.field("role") == "user").then(first.struct.field("content").str.strip_chars())
    texts = conversations.select(text=begun.fill_null("")).with_row_index("row")
    with connection() as db:
        db.register("texts", texts.to_arrow())
        # Of a hash that stays the same whatever version of a library computes it: the numbers are kept on disk.
        return db.sql("select md5_number_lower(text) as thread from texts order by row").pl()["thread"]
