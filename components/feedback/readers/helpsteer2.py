"""HelpSteer2: answers rated for five aspects, and pairs of answers with what each annotator prefers.

Three kinds of rows: ratings that are the annotators' mean (HelpSteer's rows are the same), ratings with the list of all
annotators' (its "disagreements"), and preferences.
https://huggingface.co/datasets/nvidia/HelpSteer2, https://arxiv.org/abs/2406.08673, https://arxiv.org/abs/2410.01257
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
    no_number,
    no_text,
    number,
    silent,
    text,
)
from components.feedback.readers.message_lists import no_prompt
from components.feedback.readers.rankings import best_against_rest
from components.feedback.readers.transcripts import turns
from components.feedback.readers.votes import graded
from components.records.messages import message

ASPECTS = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
AMOUNTS = ("complexity", "verbosity")
"""The aspects that say how much there is of something, which is neither good nor bad."""
BEST = 4
RESPONSES = ("response_1", "response_2")
STRONGEST = 3
NEITHER = -100
"""The strength an annotator gives a pair neither of whose answers is valid."""
SPEAKERS = {"<extra_id_1>User\n": "user", "<extra_id_1>Assistant\n": "assistant"}
NOBODY = pl.lit(None, pl.String)


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is a rated answer or a pair with its preference."""
    rated = "response" in row and all(aspect in row for aspect in ASPECTS)
    return "prompt" in row and (rated or {*RESPONSES, "preference_strength"} <= row.keys())


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read ratings and preferences.

    A rating of 0 to 4 becomes a score of -1 to 1 with its aspect. How complex and how verbose an answer is, which is
    neither better nor worse the more it is, has no score: the rating stands in the text. The user of a mean is null; of
    a list, and of a preference, "rater-1", "rater-2", … in the order of the row: places, not people.

    Answers to one prompt in rows that follow each other make preferences by helpfulness, the best against the rest, the
    strength its lead out of 4: what HelpSteer2 does where it has no preferences. Where the ratings are by raters they
    are feedback, and pairs are built from them as from any. Preferences are those of all annotators, the strength
    theirs out of 3; where a row has only the overall one, that one, with no rater.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions", "feedback" and "preferences": `line`, `row`, `reason`, and where that is null the columns of
        the record.
    """
    keys = ("prompt", "response", *ASPECTS, *RESPONSES, "preference_strength")
    fields = extract(rows, keys)
    opened = pl.concat_str(pl.lit("<extra_id_1>User\n"), text("prompt"))
    fields = fields.with_columns(asked=turns(opened, SPEAKERS))
    paired = given("response_1") | given("response_2")
    parts = [_ratings(fields.filter(~paired)), _preferences(fields.filter(paired))]
    return {
        kind: pl.concat([part[kind] for part in parts], how="diagonal").sort("line", maintain_order=True)
        for kind in parts[0]
    }


def _ratings(fields: pl.DataFrame) -> dict[str, pl.DataFrame]:
    rated = fields.with_columns(
        *(_rated(aspect).alias(f"{aspect}:ratings") for aspect in ASPECTS),
        response=message("assistant", text("response")),
        reason=because(*_no_texts("response"), *(_unrated(aspect) for aspect in ASPECTS)),
    )
    bad = rated.filter(pl.col("reason").is_not_null()).select("line", "row", "reason")
    told = identified(
        rated.filter(pl.col("reason").is_null()).with_columns(
            prompt="asked",
            model=NOBODY,
            user=NOBODY,
            source=pl.lit("helpsteer2"),
            created_at=pl.lit(None, pl.Datetime("us", "UTC")),
        )
    )
    interactions = told.select("line", "row", "reason", "id", "prompt", "response")
    return {
        "interactions": pl.concat([interactions, bad], how="diagonal"),
        "feedback": _feedback(told),
        "preferences": _by_helpfulness(told),
    }


def _rated(aspect: str) -> pl.Expr:
    """An aspect's ratings as a list of numbers; null where they are neither a number nor a list."""
    told = pl.col(f"{aspect}:type") == "ARRAY"
    listed = pl.col(aspect).str.strip_chars("[]").str.split(",").list.eval(pl.element().str.strip_chars())
    numbers = listed.list.eval(pl.element().cast(pl.Float64, strict=False))
    return pl.when(told).then(numbers).otherwise(pl.concat_list(number(aspect)))


def _unrated(aspect: str) -> pl.Expr:
    sound = _rated(aspect).list.eval(pl.element().is_between(0, BEST).fill_null(False)).list.all()
    wrong = pl.format(f"{aspect} is {{}}, must be a rating from 0 to {BEST} or a list of them", pl.col(aspect))
    return pl.when(~given(aspect)).then(pl.lit(f"{aspect} is missing")).when(~sound).then(wrong)


def _feedback(told: pl.DataFrame) -> pl.DataFrame:
    """A rating for each aspect and annotator."""

    def of(aspect: str) -> pl.DataFrame:
        ratings = pl.col(f"{aspect}:ratings")
        place = pl.int_ranges(1, ratings.list.len().cast(pl.Int64) + 1)
        several = pl.col(f"{aspect}:type") == "ARRAY"
        return (
            told.select("line", "row", "reason", interaction="id", rating=ratings, place=place, several=several)
            .explode("rating", "place")
            .select(
                "line",
                "row",
                "reason",
                "interaction",
                kind=pl.lit("rating"),
                aspect=pl.lit(aspect),
                score=None if aspect in AMOUNTS else pl.col("rating") / (BEST / 2) - 1,
                text=pl.col("rating").cast(pl.String).str.strip_suffix(".0") if aspect in AMOUNTS else None,
                user=pl.when("several").then(pl.format("rater-{}", "place")),
            )
        )

    return pl.concat([of(aspect) for aspect in ASPECTS], how="diagonal_relaxed").sort("line", maintain_order=True)


def _by_helpfulness(told: pl.DataFrame) -> pl.DataFrame:
    """Pairs of the answers to one prompt, where they stand in rows that follow each other."""
    means = told.with_columns(run=(pl.col("asked") != pl.col("asked").shift(1)).fill_null(True).cum_sum())
    ranked = means.filter(pl.col("helpfulness:type") != "ARRAY").select(
        "line",
        "row",
        "reason",
        "prompt",
        "run",
        answer="response",
        rank=-pl.col("helpfulness:ratings").list.first(),
    )
    pairs = best_against_rest(ranked, "run", pl.lit(float(BEST)))
    return pairs.drop("run").with_columns(weight=pl.lit(1.0))


def _preferences(fields: pl.DataFrame) -> dict[str, pl.DataFrame]:
    annotators = extract(members(fields, "all_preferences_unprocessed"), ("strength", "justification"))
    annotators = annotators.with_columns(place=pl.int_range(1, pl.len() + 1).over("line"))
    overall = fields.join(annotators, on="line", how="anti", maintain_order="left")
    grades = [
        annotators.select(
            "line",
            margin=_margin("strength"),
            user=pl.format("rater-{}", "place"),
            text=text("justification"),
            reason=pl.format("all_preferences_unprocessed[{}]: {}", pl.col("place") - 1, _no_strength("strength")),
        ),
        overall.select(
            "line",
            margin=_margin("preference_strength"),
            user=NOBODY,
            text=NOBODY,
            reason=_no_strength("preference_strength"),
        ),
    ]
    pairs = fields.select(
        "line",
        "row",
        prompt="asked",
        a=message("assistant", text("response_1")),
        b=message("assistant", text("response_2")),
        model_a=NOBODY,
        model_b=NOBODY,
        language=NOBODY,
        reason=because(*_no_texts(*RESPONSES)),
    )
    silent_of_each = pl.concat(grades).with_columns(say_a=NOBODY, say_b=NOBODY)
    return graded(pairs, silent_of_each, "helpsteer2", as_shown=True)


def _margin(key: str) -> pl.Expr:
    """How far the first answer leads; a strength is negative where it does."""
    strength = number(key)
    return pl.when(strength != NEITHER).then(-strength / STRONGEST)


def _no_strength(key: str) -> pl.Expr:
    beyond = ~number(key).is_between(-STRONGEST, STRONGEST) & (number(key) != NEITHER)
    wrong = pl.format(f"{key} is {{}}, must be from -{STRONGEST} to {STRONGEST}", pl.col(key))
    return because(missing(key), no_number(key), pl.when(beyond).then(wrong))


def _no_texts(*responses: str) -> list[pl.Expr]:
    """Why a prompt and its answers are not what they have to be."""
    told = [complaint(key) for key in ("prompt", *responses) for complaint in (missing, no_text)]
    unasked = pl.when(given("prompt")).then(no_prompt(pl.col("asked"), "prompt"))
    return [*told, *(silent(key) for key in responses), unasked]
