"""Records as flat columns of numbers and short texts, which expectations can be held against. Expects nothing itself.

What a person wrote is counted and not carried along, and who they are is only a share, because the results of a check
are kept: whoever asks to be forgotten does not have to be looked for in them.
"""

from collections.abc import Mapping
from datetime import datetime

import polars as pl
from polars import selectors

DAMAGED = r"\x{FFFD}|â€|Ã[\x{80}-\x{BF}]"
"""What is left of letters that were read in another encoding than they were written in."""

FEEDBACK: dict[str, str] = {
    "id": "the record's own",
    "kind": "what the user did",
    "score": "of a thumb or a rating, -1 to 1",
    "score_share": "how much of all scored feedback has this score, 0 to 1",
    "interaction_share": "how much of all feedback is about this interaction, 0 to 1",
    "has_user": "1 where it is known who it is by, else 0",
    "user_share": "how much of all feedback with a user is by this one, 0 to 1; null where there is one user only",
    "text_chars": "characters of the words that came with it",
    "text_share": "how much of all feedback with words says just these, 0 to 1",
    "group": "of the user",
    "source": "where it comes from",
    "age_days": "days since it was given; below 0 is in the future",
}
PREFERENCES: dict[str, str] = {
    "id": "the record's own",
    "prompt_chars": "characters of the conversation so far",
    "prompt_messages": "messages of the conversation so far",
    "prompt_share": "how much of all pairs is about this prompt, 0 to 1",
    "chosen_chars": "characters of the answer that was preferred",
    "chosen_share": "how much of all pairs prefers just this answer, 0 to 1",
    "rejected_chars": "characters of the other answer",
    "rejected_share": "how much of all pairs passes just this answer over, 0 to 1",
    "length_ratio": "characters of the preferred answer over those of the other",
    "damaged": "1 where letters were lost to a wrong encoding, else 0",
    "strength": "how clearly one is preferred, above 0 up to 1",
    "weight": "how much the pair counts in training",
    "has_rater": "1 where it is known who prefers it, else 0",
    "rater_share": "how much of all pairs with a rater is by this one, 0 to 1; null where there is one rater only",
    "group": "of the rater",
    "language": "as its source names it",
    "source": "where it comes from",
    "signals": "how many signals or lines of a file it was made from",
    "age_days": "days since it was said; below 0 is in the future",
}
COLUMNS: Mapping[str, Mapping[str, str]] = {"feedback": FEEDBACK, "preferences": PREFERENCES}
"""Kind of record to the columns an expectation can speak of, and what each of them holds."""


def flat_feedback(feedback: pl.LazyFrame, now: datetime) -> pl.DataFrame:
    """Feedback as the columns of `FEEDBACK`, in order.

    Args:
        feedback: records of `Feedback`, shape (n, columns).
        now: what ages are counted up to, with a time zone.

    Returns:
        Shape (n, 12).
    """
    rows = feedback.select(
        "id",
        "kind",
        pl.col("score").cast(pl.Float64),
        _share("score"),
        _share("interaction"),
        has_user=pl.col("user").is_not_null().cast(pl.Int8),
        user_share=_share_of_several("user"),
        text_chars=pl.col("text").str.strip_chars().str.len_chars(),
        text_share=_share("text"),
        group="group",
        source="source",
        age_days=_age(now),
    )
    return _plain(rows.select(FEEDBACK.keys()).collect())


def flat_preferences(preferences: pl.LazyFrame, now: datetime) -> pl.DataFrame:
    """Preferences as the columns of `PREFERENCES`, in order.

    Args:
        preferences: records of `Preference`, shape (n, columns).
        now: what ages are counted up to, with a time zone.

    Returns:
        Shape (n, 19).
    """
    # A part at a time, because everything that is said in a million pairs, once more as texts, is gigabytes.
    counted = _counted(preferences, now).collect(engine="streaming")
    shared = counted.with_columns(
        _share("prompt"), _share("chosen"), _share("rejected"), rater_share=_share_of_several("rater")
    )
    return _plain(shared.select(PREFERENCES.keys()))


def _plain(flat: pl.DataFrame) -> pl.DataFrame:
    """With all whole numbers as long ones: Great Expectations compares any other kind a value at a time."""
    return flat.cast({selectors.integer(): pl.Int64})


def _counted(preferences: pl.LazyFrame, now: datetime) -> pl.LazyFrame:
    sides = ("prompt", "chosen", "rejected")
    said = preferences.select(
        pl.exclude(*sides),
        *(pl.col(side).list.len().alias(f"{side}_messages") for side in sides),
        *(_words(pl.col(side)).alias(side) for side in sides),
    )
    counted = said.with_columns(
        *(pl.col(side).str.strip_chars().str.len_chars().alias(f"{side}_chars") for side in sides),
        *(pl.col(side).hash() for side in sides),
        damaged=pl.any_horizontal(pl.col(side).str.contains(DAMAGED) for side in sides).cast(pl.Int8),
    )
    return counted.select(
        "id",
        *sides,
        "prompt_chars",
        "prompt_messages",
        "chosen_chars",
        "rejected_chars",
        length_ratio=pl.col("chosen_chars") / pl.max_horizontal("rejected_chars", 1),
        damaged="damaged",
        strength="strength",
        weight="weight",
        has_rater=pl.col("rater").is_not_null().cast(pl.Int8),
        rater=pl.col("rater").hash(),
        group="group",
        language="language",
        source="source",
        signals=pl.col("provenance").list.len(),
        age_days=_age(now),
    )


def _words(messages: pl.Expr) -> pl.Expr:
    return messages.list.eval(pl.element().struct.field("content")).list.join("\n")


def _share(column: str) -> pl.Expr:
    """How much of all values each value makes up; null where there is none."""
    known = pl.col(column)
    share = pl.len().over(column) / known.count()
    return pl.when(known.is_not_null()).then(share).alias(f"{column}_share")


def _share_of_several(column: str) -> pl.Expr:
    return pl.when(pl.col(column).drop_nulls().n_unique() > 1).then(_share(column))


def _age(now: datetime) -> pl.Expr:
    return (pl.lit(now) - pl.col("created_at")).dt.total_seconds(fractional=True) / 86_400
