"""A TensorZero export: inferences and the feedback about them, rows of its ClickHouse tables, in one file or several.

ChatInference, JsonInference; BooleanMetricFeedback, FloatMetricFeedback, CommentFeedback, DemonstrationFeedback.
https://www.tensorzero.com/docs/gateway/data-model
"""

from typing import Any

import polars as pl

from components.feedback.readers.conversations import said_next
from components.feedback.readers.fields import (
    because,
    extract,
    given,
    missing,
    name,
    no_name,
    no_text,
    no_time,
    time,
    unnamed,
)
from components.feedback.readers.payloads import spoken
from components.feedback.readers.scores import heard, ids_of
from components.records.messages import text_of

NAMES = ("id", "function_name", "variant_name", "episode_id", "target_id", "inference_id", "metric_name")
TAGS = ("user_id", "author", "tensorzero::evaluator_inference_id")
INFERENCE, DEMONSTRATION, COMMENT, METRIC = "inference", "demonstration", "comment", "metric"


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is of one of the tables."""
    keys = row.keys()
    inference = {"function_name", "variant_name", "input", "output"} <= keys
    feedback = "value" in keys and ("target_id" in keys or "inference_id" in keys)
    return inference or feedback


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read inferences into interactions, metrics, comments and demonstrations into feedback.

    A true or false of a metric is a thumb, or a rating where an evaluator gave it; a number is a rating with the
    metric's name as aspect (see `scores.heard` for its scale); a demonstration is an edit. Feedback about an episode is
    about its last inference in the file. What the user asks next in the episode is a followup. The model is the
    variant; the user is the tag `user_id`, of feedback also `author`.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions" and "feedback": `line`, `row`, `reason`, and where that is null the columns of the record.
    """
    fields = extract(rows, (*NAMES, "input", "output", "value", "tags", "timestamp"), times=("timestamp",))
    tags = extract(fields.select("line", row=pl.when(pl.col("tags:type") == "OBJECT").then("tags")), TAGS)
    told = fields.with_columns(
        tags.select(user=pl.coalesce(name("user_id"), name("author")), judged=given(TAGS[2]).fill_null(False)),
        group=pl.lit(None, pl.String),
        source=pl.lit("tensorzero"),
        created_at=pl.coalesce(time("timestamp"), _time_of("id")),
        kind=_kind(),
        wrong=because(unnamed("id"), *(no_name(key) for key in NAMES), no_time("timestamp")),
    )
    interactions = _interactions(told.filter(pl.col("kind") == INFERENCE))
    feedback = _feedback(told.filter(pl.col("kind") != INFERENCE), interactions)
    followups = said_next(interactions.filter(pl.col("reason").is_null()), "talk")
    return {
        "interactions": interactions,
        "feedback": pl.concat([feedback, followups], how="diagonal").sort("line", maintain_order=True),
    }


def _kind() -> pl.Expr:
    return (
        pl.when(given("inference_id"))
        .then(pl.lit(DEMONSTRATION))
        .when(given("metric_name"))
        .then(pl.lit(METRIC))
        .when(given("target_id"))
        .then(pl.lit(COMMENT))
        .otherwise(pl.lit(INFERENCE))
    )


def _time_of(key: str) -> pl.Expr:
    """When a UUID of version 7 was made: its first 48 bits are the milliseconds since 1970."""
    uuid = pl.col(key).str.replace_all("-", "", literal=True).str.to_lowercase()
    milliseconds = uuid.str.head(12).str.to_integer(base=16, strict=False)
    return pl.when(uuid.str.contains("^[0-9a-f]{12}7[0-9a-f]{19}$")).then(
        milliseconds.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC").dt.cast_time_unit("us")
    )


def _interactions(told: pl.DataFrame) -> pl.DataFrame:
    unsaid = [
        pl.when(given(key) & (pl.col(said).list.len() == 0)).then(pl.lit(f"{key} holds no message"))
        for key, said in (("input", "prompt"), ("output", "response"))
    ]
    told = told.with_columns(
        id=ids_of(told.select(name("id")).to_series()),
        prompt=spoken(told["input"], "user"),
        response=spoken(told["output"], "assistant"),
    )
    return told.select(
        "line",
        "row",
        "id",
        "prompt",
        "response",
        "user",
        "group",
        "source",
        "created_at",
        model=name("variant_name"),
        episode=name("episode_id"),
        talk=pl.concat_str(name("episode_id"), name("function_name"), separator=" "),
        reason=pl.coalesce("wrong", because(missing("input"), missing("output"), *unsaid)),
    )


def _feedback(told: pl.DataFrame, interactions: pl.DataFrame) -> pl.DataFrame:
    target = pl.coalesce(name("inference_id"), name("target_id"))
    told = told.with_columns(id=ids_of(told.select(name("id")).to_series()), target=target)
    told = told.with_columns(interaction=ids_of(told["target"]))
    sound = interactions.filter(pl.col("reason").is_null()).sort("created_at", maintain_order=True)
    episodes = sound.drop_nulls("episode").group_by("episode").agg(last=pl.col("id").last())
    told = told.join(episodes, left_on="target", right_on="episode", how="left", maintain_order="left")
    told = told.with_columns(
        interaction=pl.coalesce("last", "interaction"),
        reason=pl.coalesce(
            "wrong",
            because(
                pl.when(pl.col("target").is_null()).then(pl.lit("target_id is missing")),
                missing("value"),
                pl.when(pl.col("kind") == COMMENT).then(no_text("value")),
            ),
        ),
    )
    scores = told.filter(pl.col("kind") != DEMONSTRATION).with_columns(
        name=name("metric_name"),
        value="value",
        type="value:type",
        low=pl.lit(None, pl.Float64),
        high=pl.lit(None, pl.Float64),
        person=~pl.col("judged"),
        text=pl.lit(None, pl.String),
    )
    shown = told.filter(pl.col("kind") == DEMONSTRATION)
    edits = shown.with_columns(said=spoken(shown["value"], "assistant")).select(
        "line",
        "row",
        "id",
        "interaction",
        "user",
        "group",
        "source",
        "created_at",
        "reason",
        kind=pl.lit("edit"),
        text=text_of(pl.col("said")),
    )
    return pl.concat([heard(scores), edits], how="diagonal")
