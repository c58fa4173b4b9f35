"""UltraFeedback: four models' answers to one instruction, each rated by GPT-4 for four aspects and as a whole.

https://huggingface.co/datasets/openbmb/UltraFeedback, https://arxiv.org/abs/2310.01377
"""

from typing import Any

import polars as pl

from components.feedback.readers.conversations import identified
from components.feedback.readers.fields import (
    because,
    extract,
    given,
    members,
    missing,
    name,
    no_list,
    no_number,
    no_text,
    number,
    silent,
    text,
)
from components.feedback.readers.rankings import best_against_rest
from components.records.messages import message

ASPECTS = ("instruction_following", "honesty", "truthfulness", "helpfulness")
LOWEST, HIGHEST = 1, 5
BEST_OVERALL = 10
RATER = "gpt-4"
UNRATED = ("N/A", "NA", "None")
"""What stands for a rating where an aspect does not apply."""


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is an instruction with its completions."""
    return "instruction" in row and isinstance(row.get("completions"), list)


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read answers into interactions, what GPT-4 says of them into ratings, and the best against the others.

    Every rated aspect is a rating by "gpt-4" with its rationale, 1 to 5 as -1 to 1; the overall score is one of the
    whole answer with the critique, 1 to 10 as -1 to 1. Answers are compared by the mean of their aspects, as the paper
    does, not by the overall score: the first edition of the set has a 10 where many a 1 was meant
    (https://github.com/OpenBMB/UltraFeedback/issues/8). Such a 10, beside a mean of 2 or less, is read as 1, as the
    authors themselves mended it. The best answer is preferred to each that is worse, as strongly as their means differ.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions", "feedback" and "preferences": `line`, `row`, `reason`, and where that is null the columns of
        the record. What is wrong with a row or with one of its completions stands among the interactions.
    """
    fields = extract(rows, ("instruction", "completions", "source"))
    unsound = because(
        missing("instruction"),
        no_text("instruction"),
        silent("instruction"),
        missing("completions"),
        no_list("completions"),
        pl.when(pl.col("completions") == "[]").then(pl.lit("completions has no answer")),
    )
    asked = fields.select(
        "line", "row", prompt=message("user", text("instruction")), group=pl.lit(None, pl.String), unsound=unsound
    )
    completions = _completions(rows).join(asked, on="line", maintain_order="left")
    completions = completions.filter(pl.col("unsound").is_null())
    bad = [
        asked.filter(pl.col("unsound").is_not_null()).select("line", "row", reason="unsound"),
        completions.filter(pl.col("reason").is_not_null()).select("line", "row", "reason"),
    ]
    told = identified(completions.filter(pl.col("reason").is_null()))
    return {
        "interactions": pl.concat([told, *bad], how="diagonal"),
        "feedback": _ratings(told),
        "preferences": _preferences(told),
    }


def _completions(rows: pl.DataFrame) -> pl.DataFrame:
    """Completions with what GPT-4 says of them: the aspects' ratings under their own names."""
    found = members(rows, "completions")
    told = extract(found, ("model", "response", "overall_score", "critique", "annotations"))
    place = pl.int_range(pl.len()).over("line")
    whole = told.select("line", row=pl.when(pl.col("annotations:type") == "OBJECT").then("annotations"))
    annotations = extract(whole, ASPECTS)
    complaints = [missing("response"), no_text("response"), silent("response"), no_number("overall_score")]
    for aspect in ASPECTS:
        one = annotations.select("line", row=pl.when(pl.col(f"{aspect}:type") == "OBJECT").then(aspect))
        said = extract(one, ("Rating", "Rationale")).select(
            _rating("Rating").alias(aspect),
            text("Rationale").alias(f"{aspect} because"),
            _unrated("Rating", aspect).alias(f"{aspect} wrong"),
        )
        told = pl.concat([told, said], how="horizontal")
        complaints.append(pl.col(f"{aspect} wrong"))
    mean = pl.mean_horizontal(ASPECTS)
    overall = number("overall_score")
    mistaken = (overall == BEST_OVERALL) & (mean <= 2).fill_null(False)
    beyond = pl.format("overall_score is {}, must be from 1 to 10", "overall_score")
    complaints.append(pl.when(~overall.is_between(1, BEST_OVERALL)).then(beyond))
    return told.select(
        "line",
        *ASPECTS,
        *(f"{aspect} because" for aspect in ASPECTS),
        model=name("model"),
        user=pl.lit(None, pl.String),
        source=pl.lit("ultrafeedback"),
        created_at=pl.lit(None, pl.Datetime("us", "UTC")),
        response=message("assistant", text("response")),
        critique=text("critique"),
        overall=pl.when(mistaken).then(1.0).otherwise(overall),
        mean=mean,
        reason=pl.format("completions[{}]: {}", place, because(*complaints)),
    )


def _rating(key: str) -> pl.Expr:
    return pl.when(~pl.col(key).is_in(UNRATED)).then(number(key))


def _unrated(key: str, aspect: str) -> pl.Expr:
    sound = number(key).is_between(LOWEST, HIGHEST).fill_null(False)
    wrong = pl.format(f'{aspect}.Rating is "{{}}", must be from 1 to 5', pl.col(key))
    return pl.when(given(key) & ~pl.col(key).is_in(UNRATED) & ~sound).then(wrong)


def _ratings(told: pl.DataFrame) -> pl.DataFrame:
    """A rating for each aspect of each answer that has one, and for the whole."""

    def of(value: pl.Expr, best: int, aspect: str | None, because: str) -> pl.DataFrame:
        return told.filter(value.is_not_null()).select(
            "line",
            "row",
            "reason",
            "source",
            interaction="id",
            kind=pl.lit("rating"),
            score=(value - LOWEST) * 2 / (best - LOWEST) - 1,
            aspect=pl.lit(aspect, pl.String),
            text=because,
            user=pl.lit(RATER),
        )

    aspects = [of(pl.col(aspect), HIGHEST, aspect, f"{aspect} because") for aspect in ASPECTS]
    whole = of(pl.col("overall"), BEST_OVERALL, None, "critique")
    return pl.concat([*aspects, whole]).sort("line", maintain_order=True)


def _preferences(told: pl.DataFrame) -> pl.DataFrame:
    ranked = told.filter(pl.col("mean").is_not_null()).select(
        "line", "row", "reason", "prompt", "source", answer="response", rank=-pl.col("mean")
    )
    pairs = best_against_rest(ranked, "line", pl.lit(float(HIGHEST - LOWEST)))
    return pairs.with_columns(weight=pl.lit(1.0), rater=pl.lit(RATER))
