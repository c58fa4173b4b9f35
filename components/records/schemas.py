"""The record types, as Pandera schemas over Polars frames. They know nothing of where records come from or go to.

A schema's `columns` are the whole record: a frame with others is refused. Times are UTC with microseconds.
"""

from typing import Annotated

import pandera.polars as pa
import polars as pl

from components.records.identity import content_ids
from components.records.messages import MESSAGES, ROLES, text_of

Utc = Annotated[pl.Datetime, "us", "UTC"]
Messages = Annotated[pl.List, MESSAGES.inner]
Names = Annotated[pl.List, pl.String]

FEEDBACK_KINDS = (
    "thumb",
    "rating",
    "choice",
    "edit",
    "regenerate",
    "followup",
    "copy",
    "abandon",
    "comment",
    "report",
)
SPOKEN = "^(prompt|response|chosen|rejected)$"


class Record(pa.DataFrameModel):
    """What every record has: an id that follows from its content."""

    id: str = pa.Field(str_matches=r"^[0-9a-f]{32}$", unique=True)

    class Config:
        strict = True
        ordered = True


class Conversation(Record):
    """What every record with messages in it keeps to: each message says something, by somebody, and asks for an answer.

    A check's error is the rest of a sentence that begins with the column's name.
    """

    @pa.check(SPOKEN, regex=True, error="has no message")
    def has_messages(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).list.len() > 0)

    @pa.check(SPOKEN, regex=True, error=f"has a message whose role is not one of {', '.join(ROLES)}")
    def has_known_roles(cls, data: pa.PolarsData) -> pl.LazyFrame:
        known = pl.element().struct.field("role").is_in(ROLES).fill_null(False)
        return data.lazyframe.select(pl.col(data.key).list.eval(known).list.all())

    @pa.check(SPOKEN, regex=True, error="has a message that says nothing")
    def has_contents(cls, data: pa.PolarsData) -> pl.LazyFrame:
        content = pl.element().struct.field("content").fill_null("").str.strip_chars()
        return data.lazyframe.select(pl.col(data.key).list.eval(content != "").list.all())

    @pa.check("prompt", error="ends with the assistant, so there is nothing to answer")
    def asks(cls, data: pa.PolarsData) -> pl.LazyFrame:
        last = pl.col(data.key).list.last().struct.field("role")
        return data.lazyframe.select(last.ne_missing("assistant"))


class Interaction(Conversation):
    """One prompt and the response a model gave.

    Example: prompt [user: "How do I bake bread?"], response [assistant: "Mix flour and water."], model "heed-policy/3".
    """

    prompt: Messages = pa.Field(description="the conversation so far; ends with what the user asked")
    response: Messages = pa.Field(description="what the model answered: one assistant message, or several with tools")
    model: str = pa.Field(nullable=True, description="the model version that answered")
    user: str = pa.Field(nullable=True)
    group: str = pa.Field(nullable=True, description="the group of users this one belongs to")
    language: str = pa.Field(nullable=True, description="the language it is in, as its source names it")
    source: str
    created_at: Utc = pa.Field(nullable=True)


class Feedback(Record):
    """One thing a user did about an interaction.

    Example: kind "choice", interaction the one preferred, other the one passed over, strength left to the signal.
    """

    interaction: str = pa.Field(description="id of the interaction it is about; for a choice, the one preferred")
    kind: str = pa.Field(isin=FEEDBACK_KINDS)
    score: float = pa.Field(
        nullable=True, ge=-1, le=1, description="thumb: -1 or 1; rating: worst -1 to best 1; else null"
    )
    aspect: str = pa.Field(nullable=True, description="rating: of what, as helpfulness; null is of the whole answer")
    other: str = pa.Field(nullable=True, description="choice: id of the interaction passed over")
    text: str = pa.Field(nullable=True, description="edit: the text the user made of it; comment, followup: the words")
    user: str = pa.Field(nullable=True)
    group: str = pa.Field(nullable=True)
    source: str
    created_at: Utc = pa.Field(nullable=True)

    @pa.dataframe_check(error="a thumb or a rating needs a score")
    def is_scored(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return _has(data, ("thumb", "rating"), "score")

    @pa.dataframe_check(error="a choice needs the other answer that was passed over")
    def is_between_two(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return _has(data, ("choice",), "other")

    @pa.dataframe_check(error="an edit, a followup or a comment needs its text")
    def has_words(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return _has(data, ("edit", "followup", "comment"), "text")


def _has(data: pa.PolarsData, kinds: tuple[str, ...], column: str) -> pl.LazyFrame:
    return data.lazyframe.select(~pl.col("kind").is_in(kinds) | pl.col(column).is_not_null())


class Signal(Record):
    """What a piece of feedback says.

    Example: feedback 7f…, polarity "dissatisfied", rubric "edit", strength 1.0, detector "explicit/1".
    """

    feedback: str
    interaction: str
    polarity: str = pa.Field(isin=("satisfied", "dissatisfied"))
    rubric: str = pa.Field(description="about what")
    strength: float = pa.Field(gt=0, le=1, description="how strongly, 1 = beyond doubt")
    evidence: str = pa.Field(nullable=True, description="the words that show it")
    detector: str = pa.Field(description="who found it, and which version of it")


class Preference(Conversation):
    """One answer preferred to another.

    Example: prompt [user: "hi"], chosen [assistant: "Hello!"], rejected [assistant: "What."], strength 1.0, weight 1.0.
    """

    prompt: Messages
    chosen: Messages
    rejected: Messages
    strength: float = pa.Field(gt=0, le=1, description="how clearly chosen is preferred, 1 = beyond doubt")
    weight: float = pa.Field(gt=0, description="how much the pair counts in training, 1 = as one pair")
    rater: str = pa.Field(nullable=True)
    group: str = pa.Field(nullable=True)
    language: str = pa.Field(nullable=True)
    source: str
    provenance: Names = pa.Field(description="ids of the signals it was made from, or file:line it was read from")
    created_at: Utc = pa.Field(nullable=True)

    @pa.dataframe_check(error="chosen and rejected say the same")
    def differs(cls, data: pa.PolarsData) -> pl.LazyFrame:
        chosen, rejected = (text_of(pl.col(key)).str.strip_chars() for key in ("chosen", "rejected"))
        return data.lazyframe.select(chosen != rejected)


class Unpaired(Conversation):
    """An answer that somebody liked or disliked, with no other answer to set beside it (for KTO and its like).

    Example: prompt [user: "hi"], response [assistant: "What."], desirable false, strength 0.8, weight 1.0.
    """

    prompt: Messages
    response: Messages
    desirable: bool
    strength: float = pa.Field(gt=0, le=1, description="how clearly it is liked or disliked, 1 = beyond doubt")
    weight: float = pa.Field(gt=0, description="how much it counts in training, 1 = as one example")
    rater: str = pa.Field(nullable=True)
    group: str = pa.Field(nullable=True)
    language: str = pa.Field(nullable=True)
    source: str
    provenance: Names = pa.Field(description="ids of the signals it was made from, or file:line it was read from")
    created_at: Utc = pa.Field(nullable=True)


class Checklist(Conversation):
    """What one user wants of the answer to one prompt, in their own words: one wish an item.

    Example: prompt [user: "Tell me about tea"], wishes ["shorter please", "no lists"], rater "ada".
    """

    prompt: Messages
    wishes: Names = pa.Field(description="what the user said they want, oldest first; at least one")
    rater: str = pa.Field(nullable=True)
    group: str = pa.Field(nullable=True)
    source: str
    provenance: Names = pa.Field(description="ids of the feedback the words were said in, one a wish")
    created_at: Utc = pa.Field(nullable=True)

    @pa.check("wishes", error="has no wish")
    def has_wishes(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).list.len() > 0)


IDENTITY: dict[type[Record], tuple[str, ...]] = {
    Interaction: ("prompt", "response", "model", "user", "source", "created_at"),
    Feedback: ("interaction", "kind", "score", "aspect", "other", "text", "user", "source", "created_at"),
    Signal: ("feedback", "polarity", "rubric", "evidence", "detector"),
    Preference: ("prompt", "chosen", "rejected", "rater", "group", "source"),
    Unpaired: ("prompt", "response", "desirable", "rater", "group", "source"),
    Checklist: ("prompt", "wishes", "rater", "group", "source"),
}
KINDS: dict[str, type[Record]] = {
    "interactions": Interaction,
    "feedback": Feedback,
    "signals": Signal,
    "preferences": Preference,
    "unpaired": Unpaired,
    "checklists": Checklist,
}

PROBLEM: dict[str, pl.DataType] = {"file": pl.String(), "line": pl.Int64(), "reason": pl.String(), "row": pl.String()}
"""A row that could not be taken: where it stands (line from 1, null where it has none), why, and what it says."""


def dtypes(schema: type[Record]) -> dict[str, pl.DataType]:
    """Column names and Polars types of a record, in order."""
    return {name: column.dtype.type for name, column in schema.to_schema().columns.items()}


def empty(schema: type[Record]) -> pl.DataFrame:
    """A frame of the record's columns with no rows."""
    return pl.DataFrame(schema=dtypes(schema))


def as_records(frame: pl.DataFrame, schema: type[Record]) -> pl.DataFrame:
    """Give a frame the columns of a record: add missing ones as null, cast, drop others, identify every row.

    An `id` column the frame already has is kept where it is not null (events bring their own ids).
    """
    types = dtypes(schema)
    columns = [
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in types.items()
    ]
    typed = frame.select(columns)
    if not typed["id"].has_nulls():
        return typed
    return typed.with_columns(id=pl.col("id").fill_null(content_ids(typed, IDENTITY[schema])))


__all__ = [
    "FEEDBACK_KINDS",
    "IDENTITY",
    "KINDS",
    "ROLES",
    "Checklist",
    "Feedback",
    "Interaction",
    "Preference",
    "Record",
    "Signal",
    "Unpaired",
]
