"""heed's own lines, one event each: an interaction that took place, or a piece of feedback about one.

{"type": "interaction", "id": "q1", "prompt": "How do I bake bread?", "response": "Mix flour and water."}
{"type": "feedback", "interaction": "q1", "kind": "thumb", "score": 1, "user": "ada"}
"""

from typing import Any

import polars as pl

from components.feedback.readers.fields import (
    because,
    extract,
    given,
    messages,
    missing,
    name,
    no_messages,
    no_name,
    no_number,
    no_text,
    no_time,
    number,
    text,
    time,
    unnamed,
)
from components.records.identity import sha256
from components.records.schemas import POSITIONS

TYPES = ("interaction", "feedback")
SPOKEN = ("prompt", "response")
WHO = ("id", "user", "group", "source")
OF_AN_INTERACTION = (*WHO, "model", "language")
OF_FEEDBACK = (*WHO, "interaction", "kind", "aspect", "other")
KEYS = tuple(
    dict.fromkeys(("type", *SPOKEN, *OF_AN_INTERACTION, *OF_FEEDBACK, "score", "position", "text", "created_at"))
)


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is an event."""
    return row.get("type") in TYPES


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read events into interactions and feedback.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions" and "feedback", together n rows: `line`, `row`, `reason`, and where that is null the columns of
        the record. Ids are made ids of heed's, the same for the same id in every file, so references hold.
    """
    fields = extract(rows, KEYS, conversations=SPOKEN, times=("created_at",))
    about = (name("type") == "feedback").fill_null(False)
    # A row of no known type is told so among the interactions: it has to be told somewhere.
    return {"interactions": _interactions(fields.filter(~about)), "feedback": _feedback(fields.filter(about))}


def _interactions(fields: pl.DataFrame) -> pl.DataFrame:
    unknown = pl.when(name("type").ne_missing("interaction")).then(
        pl.format('type is "{}", must be interaction or feedback', pl.col("type"))
    )
    complaints = because(
        *(complaint(key) for key in SPOKEN for complaint in (missing, no_messages)),
        *(no_name(key) for key in OF_AN_INTERACTION),
        no_time("created_at"),
    )
    events = fields.select(
        "line",
        "row",
        *(name(key).alias(key) for key in OF_AN_INTERACTION),
        prompt=messages("prompt", "user"),
        response=messages("response", "assistant"),
        created_at=time("created_at"),
        reason=pl.coalesce(unnamed("type"), no_name("type"), unknown, complaints),
    )
    return with_own_ids(events, ("id",))


def _feedback(fields: pl.DataFrame) -> pl.DataFrame:
    reason = because(
        unnamed("interaction"),
        unnamed("kind"),
        *(no_name(key) for key in OF_FEEDBACK),
        no_number("score"),
        _no_position(),
        no_text("text"),
        no_time("created_at"),
    )
    events = fields.select(
        "line",
        "row",
        *(name(key).alias(key) for key in OF_FEEDBACK),
        score=number("score"),
        position=number("position").cast(pl.Int64, strict=False),
        text=text("text"),
        created_at=time("created_at"),
        reason=reason,
    )
    return with_own_ids(events, ("id", "interaction", "other"))


def _no_position() -> pl.Expr:
    unknown = given("position") & ~number("position").is_in([float(place) for place in POSITIONS]).fill_null(False)
    return pl.when(unknown).then(pl.format("position is {}, must be 1 or 2", pl.col("position")))


def with_own_ids(events: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """Events with ids as heed writes them in some columns: one that is none of heed's becomes its hash's beginning."""
    foreign = pl.concat([events[key] for key in columns]).drop_nulls().unique()
    foreign = foreign.filter(~foreign.str.contains(r"^[0-9a-f]{32}$"))
    own = pl.DataFrame({"foreign": foreign, "own": sha256(foreign).str.head(32)})
    for key in columns:
        named = events.select(key).join(own, left_on=key, right_on="foreign", how="left", maintain_order="left")
        events = events.with_columns(named.select(pl.coalesce("own", key)).to_series().alias(key))
    return events
