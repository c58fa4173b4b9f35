"""TRL's preference formats: chosen and rejected with the prompt beside them, or implicit as what both begin with.

Each of them may be a plain text or a list of messages. A plain prompt beside messages is a label (as in UltraFeedback):
the conversation itself begins with it.
https://huggingface.co/docs/trl/dataset_formats#preference
"""

from typing import Any

import polars as pl

from components.feedback.readers.fields import (
    are_messages,
    because,
    extract,
    given,
    is_text,
    messages,
    missing,
    name,
    no_messages,
    no_name,
    no_number,
    no_time,
    number,
    time,
)
from components.records.messages import message

PAIR = ("prompt", "chosen", "rejected")
NAMES = ("rater", "group", "source")
NUMBERS = ("strength", "weight")


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is two answers, as texts or messages."""
    return all(isinstance(row.get(key), str | list) for key in ("chosen", "rejected"))


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read pairs of answers into preferences.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "preferences", shape (n, …): `line`, `row`, `reason`, and where that is null the columns of a preference.
    """
    fields = extract(rows, (*PAIR, *NAMES, *NUMBERS, "created_at"), conversations=PAIR, times=("created_at",))
    pairs = fields.select(
        "line",
        "row",
        *(name(key).alias(key) for key in NAMES),
        *(number(key).fill_null(1.0).alias(key) for key in NUMBERS),
        prompt=messages("prompt", "user"),
        chosen=messages("chosen", "assistant"),
        rejected=messages("rejected", "assistant"),
        created_at=time("created_at"),
        reason=_complaints(),
        plain=is_text("chosen"),
        implicit=~given("prompt") | (is_text("prompt") & are_messages("chosen")),
    )
    bad = pl.col("reason").is_not_null()
    parts = [
        pairs.filter(bad | ~pl.col("implicit")),
        _part_texts(pairs.filter(~bad & pl.col("implicit") & pl.col("plain"))),
        _part_messages(pairs.filter(~bad & pl.col("implicit") & ~pl.col("plain"))),
    ]
    return {"preferences": pl.concat(parts).drop("plain", "implicit").sort("line")}


def _complaints() -> pl.Expr:
    unlike = pl.when(is_text("chosen") & are_messages("rejected") | are_messages("chosen") & is_text("rejected"))
    return because(
        missing("chosen"),
        missing("rejected"),
        *(no_messages(key) for key in PAIR),
        unlike.then(pl.lit("one of chosen and rejected is a text, the other a list of messages")),
        *(no_name(key) for key in NAMES),
        *(no_number(key) for key in NUMBERS),
        no_time("created_at"),
    )


def _part_texts(pairs: pl.DataFrame) -> pl.DataFrame:
    """Part plain texts into the prompt they begin with and two answers.

    As TRL's `extract_prompt`, which lets the prompt end before a space; here the ends are stripped altogether, and a
    text that is all prompt is refused.
    """
    said = pairs.with_columns(
        pl.col(key).list.first().struct.field("content").alias(key) for key in ("chosen", "rejected")
    )
    said = said.with_columns(shared=shared_length(said["chosen"], said["rejected"]))
    said = said.with_columns(
        prompt=pl.col("chosen").str.head("shared").str.strip_chars(),
        chosen=pl.col("chosen").str.slice("shared").str.strip_chars(),
        rejected=pl.col("rejected").str.slice("shared").str.strip_chars(),
    )
    reason = because(_no_prompt(pl.col("prompt") == ""), *(_no_answer(key, pl.col(key) == "") for key in PAIR[1:]))
    return said.with_columns(
        reason=reason,
        prompt=message("user", pl.col("prompt")),
        chosen=message("assistant", pl.col("chosen")),
        rejected=message("assistant", pl.col("rejected")),
    ).drop("shared")


def shared_length(one: pl.Series, other: pl.Series) -> pl.Series:
    """Count the characters two texts share from their beginning.

    Halves, in every row at once, the stretch that the first difference can be in.

    Args:
        one: texts, shape (n,).
        other: texts, shape (n,).

    Returns:
        Counts, shape (n,).
    """
    search = pl.DataFrame({"one": one, "other": other}).with_columns(
        low=pl.lit(0, pl.Int64),
        high=pl.min_horizontal(pl.col("one", "other").str.len_chars()).cast(pl.Int64),
    )
    middle = (pl.col("low") + pl.col("high") + 1) // 2
    shared = pl.col("one").str.head(middle) == pl.col("other").str.head(middle)
    while (search["low"] < search["high"]).any():
        search = search.with_columns(
            low=pl.when(shared).then(middle).otherwise("low"), high=pl.when(shared).then("high").otherwise(middle - 1)
        )
    return search["low"]


def _part_messages(pairs: pl.DataFrame) -> pl.DataFrame:
    """Part conversations into the turns they share and the two ways they end."""
    pairs = pairs.join(_shared_turns(pairs), on="line", how="left", maintain_order="left")
    shared, beside = pl.col("shared"), pl.col("prompt").is_not_null()
    answers = {key: pl.col(key).list.slice(shared) for key in ("chosen", "rejected")}
    begins = {key: answer.list.first().struct.field("role") for key, answer in answers.items()}
    reason = because(
        _no_prompt((shared == 0) & ~beside),
        *(_no_answer(key, answer.list.len() == 0) for key, answer in answers.items()),
        pl.when(begins["chosen"].is_in(("user", "system")) | begins["rejected"].is_in(("user", "system"))).then(
            pl.lit("chosen and rejected answer different conversations")
        ),
    )
    prompt = pl.when(shared == 0).then("prompt").otherwise(pl.col("chosen").list.head(shared))
    return pairs.with_columns(reason=reason, prompt=prompt, **answers).drop("shared")


def _shared_turns(pairs: pl.DataFrame) -> pl.DataFrame:
    """How many messages two conversations share from their beginning: `line`, `shared`."""

    def turns(key: str) -> pl.DataFrame:
        numbers = pl.int_ranges(pl.col(key).list.len().cast(pl.Int64)).alias("turn")
        spoken = pairs.select("line", numbers, pl.col(key).alias("said"))
        return spoken.filter(pl.col("said").list.len() > 0).explode("turn", "said")

    both = turns("chosen").join(turns("rejected"), on=["line", "turn"], how="left", suffix="_instead")
    differs = pl.col("said").ne_missing(pl.col("said_instead"))
    first = pl.col("turn").filter(differs).min().fill_null(pl.len())
    shared = both.group_by("line").agg(shared=first.cast(pl.Int64))
    return pairs.select("line").join(shared, on="line", how="left").with_columns(pl.col("shared").fill_null(0))


def _no_prompt(nothing: pl.Expr) -> pl.Expr:
    return pl.when(nothing).then(pl.lit("there is no prompt, and chosen and rejected do not begin alike"))


def _no_answer(key: str, nothing: pl.Expr) -> pl.Expr:
    return pl.when(nothing).then(pl.lit(f"nothing is left of {key} after the prompt that both begin with"))
