"""The record types, as Pandera schemas over Polars frames. They know nothing of where records come from or go to.

A schema's `columns` are the whole record: a frame with others is refused. Times are UTC with microseconds.
"""

from datetime import UTC, datetime, timedelta
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
POSITIONS = (1, 2)
SPOKEN = "^(prompt|response|chosen|rejected)$"
ANSWERS = "^(response|chosen|rejected)$"
LONGEST = 1_000_000  # characters of a message; longer is a file that somebody read as one
VISIBLE = r"[^\s\p{Cc}\p{Cf}]"
"""A sign that is seen: neither space nor control nor format character, as a zero-width space is."""

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CLOCKS_DIFFER = timedelta(days=1)  # how far a sound time may lie ahead: some write their own time as UTC


class Record(pa.DataFrameModel):
    """What every record has: an id that follows from its content."""

    id: str = pa.Field(str_matches=r"^[0-9a-f]{32}$", unique=True)

    class Config:
        strict = True
        ordered = True


class Dated(Record):
    """What every record that says when it was made keeps to."""

    @pa.check("created_at", error=f"lies before {EARLIEST.year}")
    def is_of_our_time(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select((pl.col(data.key) >= EARLIEST).fill_null(True))

    @pa.check("created_at", error="lies in the future")
    def has_been(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select((pl.col(data.key) <= datetime.now(UTC) + CLOCKS_DIFFER).fill_null(True))


class Conversation(Dated):
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
        content = pl.element().struct.field("content").fill_null("")
        return data.lazyframe.select(pl.col(data.key).list.eval(content.str.contains(VISIBLE)).list.all())

    @pa.check(SPOKEN, regex=True, error="has a message with a NUL character, which no text has")
    def has_texts(cls, data: pa.PolarsData) -> pl.LazyFrame:
        whole = ~pl.element().struct.field("content").str.contains("\x00", literal=True).fill_null(False)
        return data.lazyframe.select(pl.col(data.key).list.eval(whole).list.all())

    @pa.check(SPOKEN, regex=True, error=f"has a message of more than {LONGEST:,} characters")
    def has_readable_lengths(cls, data: pa.PolarsData) -> pl.LazyFrame:
        short = pl.element().struct.field("content").str.len_chars().fill_null(0) <= LONGEST
        return data.lazyframe.select(pl.col(data.key).list.eval(short).list.all())

    @pa.check("prompt", error="ends with the assistant, so there is nothing to answer")
    def asks(cls, data: pa.PolarsData) -> pl.LazyFrame:
        last = pl.col(data.key).list.last().struct.field("role")
        return data.lazyframe.select(last.ne_missing("assistant"))


class Answered(Conversation):
    """A conversation with one answer or two to what it ends with."""

    @pa.check(ANSWERS, regex=True, error="ends with the user or the system, so it is no answer")
    def is_answered(cls, data: pa.PolarsData) -> pl.LazyFrame:
        last = pl.col(data.key).list.last().struct.field("role")
        return data.lazyframe.select(~last.is_in(("user", "system")).fill_null(False))


class Interaction(Answered):
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


class Feedback(Dated):
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
    position: int = pa.Field(
        nullable=True, isin=POSITIONS, description="choice: where the one preferred was shown, 1 = first, 2 = second"
    )
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

    @pa.dataframe_check(error="only a choice has a position")
    def is_shown_beside_another(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select((pl.col("kind") == "choice") | pl.col("position").is_null())

    @pa.dataframe_check(error="an edit, a followup or a comment needs its text")
    def has_words(cls, data: pa.PolarsData) -> pl.LazyFrame:
        speaks = pl.col("kind").is_in(("edit", "followup", "comment"))
        return data.lazyframe.select(~speaks | pl.col("text").str.contains(VISIBLE).fill_null(False))

    @pa.dataframe_check(error="a thumb is up (1) or down (-1)")
    def is_up_or_down(cls, data: pa.PolarsData) -> pl.LazyFrame:
        between = (pl.col("score").abs() < 1).fill_null(False)
        return data.lazyframe.select((pl.col("kind") != "thumb") | ~between)

    @pa.dataframe_check(error="a choice is between two different answers")
    def differs(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select((pl.col("kind") != "choice") | pl.col("interaction").ne_missing(pl.col("other")))

    @pa.check("text", error="has a NUL character, which no text has")
    def is_text(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(~pl.col(data.key).str.contains("\x00", literal=True).fill_null(False))

    @pa.check("text", error=f"has more than {LONGEST:,} characters")
    def has_readable_length(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).str.len_chars().fill_null(0) <= LONGEST)


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


class Preference(Answered):
    """One answer preferred to another.

    Example: prompt [user: "hi"], chosen [assistant: "Hello!"], rejected [assistant: "What."], strength 1.0, weight 1.0.
    """

    prompt: Messages
    chosen: Messages
    rejected: Messages
    position: int = pa.Field(
        nullable=True, isin=POSITIONS, description="where chosen was shown, 1 = first, 2 = second; null: not known"
    )
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

    @pa.dataframe_check(error="chosen and rejected differ in nothing but spaces")
    def differs_in_words(cls, data: pa.PolarsData) -> pl.LazyFrame:
        said = data.lazyframe.select(text_of(pl.col(key)).str.strip_chars() for key in ("chosen", "rejected"))
        chosen, rejected = pl.col("chosen"), pl.col("rejected")
        # Most pairs begin or end with different signs, and of those no more has to be looked at.
        alike = (chosen.str.head(1) == rejected.str.head(1)) & (chosen.str.tail(1) == rejected.str.tail(1))
        looked_at = said.select(pl.when(alike & (chosen != rejected)).then(pl.all()))
        bare = looked_at.select(pl.all().str.replace_all(r"\s+", ""))
        return bare.select((chosen != rejected).fill_null(True))


class Unpaired(Answered):
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

PROBLEM: dict[str, pl.DataType] = {
    "file": pl.String(),
    "line": pl.Int64(),
    "reason": pl.String(),
    "row": pl.String(),
    "kind": pl.String(),
    "format": pl.String(),
}
"""A row that could not be taken: where it stands (line from 1, null where it has none), why, and what it says.

With a `kind` (a key of `KINDS`) it is a record of that kind as JSON; without, it is what stood in its file, and
`format` names the reader that it is for.
"""


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
