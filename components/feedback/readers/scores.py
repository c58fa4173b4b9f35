"""Makes feedback of what tracers keep beside a call: scores, metrics, assessments. Knows no tracer.

- what a person answers with yes or no is a thumb; what a program does is a rating;
- a number is a rating of what it is a number of, on its scale;
- words are a comment.
"""

import polars as pl

from components.records.identity import sha256

SCALES = ((0, 1), (-1, 1), (1, 5), (0, 10), (0, 100))
"""The usual scales, the narrowest first."""
NUMBERS = ("UBIGINT", "BIGINT", "HUGEINT", "UHUGEINT", "DOUBLE")
FEEDBACK = ("line", "row", "id", "interaction", "user", "group", "source", "created_at")


def ids_of(names: pl.Series) -> pl.Series:
    """The ids of records that their source gives a name, the same for the same name in every file. Null stays null."""
    return sha256(names).str.head(32)


def heard(scores: pl.DataFrame) -> pl.DataFrame:
    """Read scores into feedback.

    A number whose scale nobody gives is on the narrowest usual scale that holds every number of its name in the file.

    Args:
        scores: `line`, `row`, `id`, `interaction`, `user`, `group`, `source`, `created_at`; `name`; `value` as text and
            `type`, its JSON type; `low` and `high`, its scale, null where not given; `person`, whether a person gave
            it; `text`, why; `reason`, null where it is sound.

    Returns:
        Columns of feedback with `line`, `row`, `reason`.
    """
    numeric = pl.col("type").is_in(NUMBERS)
    said_yes = pl.when(pl.col("type") == "BOOLEAN").then(pl.col("value").str.to_lowercase() == "true")
    value = pl.when(numeric).then(pl.col("value").cast(pl.Float64, strict=False))
    told = scores.with_columns(number=value, yes=said_yes)
    told = told.with_columns(
        low=pl.when(_scaled()).then("low").otherwise(_of_usual_scale(0)),
        high=pl.when(_scaled()).then("high").otherwise(_of_usual_scale(1)),
    )
    thumb = pl.col("yes").is_not_null() & pl.col("person")
    score = (
        pl.when(pl.col("yes"))
        .then(1.0)
        .when(~pl.col("yes"))
        .then(-1.0)
        .otherwise(2 * (pl.col("number") - pl.col("low")) / (pl.col("high") - pl.col("low")) - 1)
    )
    judged = pl.col("yes").is_not_null() | pl.col("number").is_not_null()
    words = pl.when(judged).then("text").otherwise(pl.concat_str("value", "text", separator="\n\n", ignore_nulls=True))
    return told.select(
        *FEEDBACK,
        kind=pl.when(thumb).then(pl.lit("thumb")).when(judged).then(pl.lit("rating")).otherwise(pl.lit("comment")),
        score=score,
        aspect=pl.when(judged & ~thumb).then("name"),
        text=words,
        reason=pl.coalesce("reason", _off_scale()),
    )


def _scaled() -> pl.Expr:
    return (pl.col("low") < pl.col("high")).fill_null(False)


def _of_usual_scale(end: int) -> pl.Expr:
    """The low (0) or high (1) end of the narrowest usual scale that holds all numbers of the name."""
    least, most = (edge.over("name", "source") for edge in (pl.col("number").min(), pl.col("number").max()))
    found = pl.lit(None, pl.Float64)
    for scale in reversed(SCALES):
        found = pl.when((least >= scale[0]) & (most <= scale[1])).then(float(scale[end])).otherwise(found)
    return found


def _off_scale() -> pl.Expr:
    number = pl.col("number")
    unknown = pl.format('"{}" is {}, and nothing says on which scale', "name", "number")
    outside = pl.format('"{}" is {}, must be from {} to {}', "name", "number", "low", "high")
    return (
        pl.when(number.is_not_null() & pl.col("low").is_null())
        .then(unknown)
        .when(~number.is_between(pl.col("low"), pl.col("high")))
        .then(outside)
    )
