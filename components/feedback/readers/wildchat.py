"""WildChat and LMSYS-Chat-1M: whole conversations of people with models in the wild.

https://huggingface.co/datasets/allenai/WildChat-1M (https://arxiv.org/abs/2405.01470),
https://huggingface.co/datasets/lmsys/lmsys-chat-1m (https://arxiv.org/abs/2309.11998)
"""

from typing import Any

import polars as pl

from components.feedback.readers.conversations import apart, faults, turns_of
from components.feedback.readers.fields import because, extract, given, missing, name, no_list, no_name, no_time, time

SETS = {"conversation_hash": "wildchat", "conversation_id": "lmsys-chat-1m"}
NAMES = ("model", "language", "hashed_ip", "country")
OF_A_TURN = ("language", "hashed_ip", "country", "timestamp")


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is one conversation, with the name that one of the sets gives it."""
    return isinstance(row.get("conversation"), list) and any(key in row for key in SETS)


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read conversations into answers and what users said next.

    The user is the hashed address, the group the country. What a turn says of its time, language, user and country goes
    before what the conversation says. The sets' verdicts on a conversation (toxic, moderation, redacted) are left out:
    they are about what was said, not about how a user found an answer.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions" and "feedback": `line`, `row`, `reason`, and where that is null the columns of the record. A row
        with anything wrong in it is one row at the end of the interactions.
    """
    fields = extract(rows, (*NAMES, *SETS, "conversation", "timestamp"), times=("timestamp",))
    turns = turns_of(rows, "conversation", OF_A_TURN, times=("timestamp",)).with_columns(
        user=name("hashed_ip"), group=name("country"), created_at=time("timestamp"), language=name("language")
    )
    told = fields.join(faults(turns, "conversation"), on="line", how="left", maintain_order="left")
    empty = pl.when(pl.col("conversation") == "[]").then(pl.lit("conversation has no message"))
    conversations = told.select(
        "line",
        "row",
        model=name("model"),
        user=name("hashed_ip"),
        group=name("country"),
        language=name("language"),
        created_at=time("timestamp"),
        source=pl.when(given("conversation_hash")).then(pl.lit("wildchat")).otherwise(pl.lit("lmsys-chat-1m")),
        reason=because(
            missing("conversation"),
            no_list("conversation"),
            empty,
            pl.col("fault"),
            *(no_name(key) for key in NAMES),
            no_time("timestamp"),
        ),
    )
    bad = conversations.filter(pl.col("reason").is_not_null()).select("line", "row", "reason")
    interactions, feedback = apart(turns, conversations.filter(pl.col("reason").is_null()))
    return {"interactions": pl.concat([interactions, bad], how="diagonal"), "feedback": feedback}
