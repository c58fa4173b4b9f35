"""Weighs what users said: how much each piece of feedback says, and what all of it says of an answer.

Evidence is counted in log-odds, so that what agrees adds up and what disagrees cancels. Knows nothing of pairs.
"""

import polars as pl

from components.records.messages import transcript

BELIEVED = 0.9  # what is "beyond doubt" is believed with odds of 19 to 1: fingers slip

ONCE = ("thumb", "rating")  # kinds of which a user's latest about an answer replaces the earlier ones
RELATIVE = ("choice", "edit", "regenerate")  # kinds that set one answer against another; the builders weigh those


def log_odds(strength: pl.Expr) -> pl.Expr:
    """Strengths in [-1, 1], negative against, as half log-odds that can be added."""
    return (BELIEVED * strength).arctanh()


def strength(odds: pl.Expr) -> pl.Expr:
    """The way back: half log-odds as a strength in [-1, 1]."""
    return (odds.tanh() / BELIEVED).clip(-1.0, 1.0).round(9)


def gathered(lists: pl.Expr) -> pl.Expr:
    """All that the lists of a group hold, as one list."""
    return lists.list.explode(keep_nulls=False, empty_as_null=False)


def with_raters(told: pl.DataFrame, said: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Add what a record says beside its answers.

    Args:
        told: `who` speaks, in the interaction `about`.
        said: as `evidence` gives it.
        known: interactions.

    Returns:
        The same rows with `rater`, `group`, and the `prompt`, `language` and `source` of the interaction.
    """
    raters = said.group_by("who").agg(rater=pl.col("user").first(), known_group=pl.col("group").drop_nulls().first())
    asked = known.select("prompt", "language", "source", "group", about="id")
    named = told.join(raters, on="who", how="left", maintain_order="left")
    return named.join(asked, on="about", how="left", maintain_order="left").with_columns(
        group=pl.coalesce("group", "known_group")
    )


def keyed(interactions: pl.DataFrame) -> pl.DataFrame:
    """Interactions with a `prompt_key`, the same for the same prompt."""
    return interactions.with_columns(prompt_key=transcript(pl.col("prompt")).hash())


def evidence(feedback: pl.DataFrame, known: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """Set what each piece of feedback says beside who said it about what.

    The signals of one piece of feedback read the same words, so they do not add up: the strongest each way counts.

    Args:
        feedback: records of `Feedback`, shape (n,).
        known: interactions as `keyed` gives them.
        signals: records of `Signal`.

    Returns:
        Shape (n,), oldest first: the columns of `Feedback` with the id as `feedback`; `who`, a number for each user
        (where none is named, for each group and source); `said`, half log-odds that the answer is liked; `pro` and
        `con`, lists of the signals that say liked and disliked; `prompt_key`, the same for the same prompt and null
        where the answer is not known (yet); `replaced`, whether the same user said otherwise later.
    """
    weight = log_odds(pl.col("strength"))
    liked, disliked = pl.col("polarity") == "satisfied", pl.col("polarity") == "dissatisfied"
    spoken = signals.group_by("feedback", maintain_order=True).agg(
        said=weight.filter(liked).max().fill_null(0.0) - weight.filter(disliked).max().fill_null(0.0),
        pro=pl.col("id").filter(liked),
        con=pl.col("id").filter(disliked),
    )
    keys = known.select("prompt_key", interaction="id")
    nothing = pl.lit([], dtype=pl.List(pl.String))
    told = (
        feedback.select(pl.exclude("id"), feedback="id")
        .join(spoken, on="feedback", how="left", maintain_order="left")
        .join(keys, on="interaction", how="left", maintain_order="left")
        .with_columns(pl.col("said").fill_null(0.0), pl.col("pro").fill_null(nothing), pl.col("con").fill_null(nothing))
    )
    nobody = pl.col("user").is_null()
    names = ["user", pl.when(nobody).then("group").alias("of_group"), pl.when(nobody).then("source").alias("of_source")]
    told = told.with_columns(who=pl.struct(names).rank("dense"))
    # Files need not be in the order of time.
    return told.sort("created_at", maintain_order=True).with_columns(replaced=_replaced())


def _replaced() -> pl.Expr:
    """Feedback of a known user that the same user's later feedback of the kind takes the place of."""
    last = pl.struct("who", "interaction", "kind", "aspect").is_last_distinct()
    return pl.col("kind").is_in(ONCE) & pl.col("user").is_not_null() & ~last


def standings(said: pl.DataFrame) -> pl.DataFrame:
    """All that one user said of one answer, added up.

    Ratings of several aspects are one opinion: their mean counts.

    Args:
        said: as `evidence` gives it.

    Returns:
        A row for each user and answer that is known: `who`, `user`, `interaction`, `prompt_key`, `created_at` (the
        latest); `liked`, half log-odds that the answer is liked; `pro` and `con`, the signals behind it; and the same
        without feedback that set the answer against another: `alone`, `alone_pro`, `alone_con`.
    """
    kind, relative = pl.col("kind"), pl.col("kind").is_in(RELATIVE)
    counts = said.filter(pl.col("prompt_key").is_not_null(), kind != "choice").with_columns(
        said=pl.when("replaced").then(0.0).otherwise("said")
    )
    aspects = ((kind == "rating") & ~pl.col("replaced")).sum().over("who", "interaction")
    counts = counts.with_columns(said=pl.when(kind == "rating").then(pl.col("said") / aspects).otherwise("said"))
    return counts.group_by("who", "interaction", maintain_order=True).agg(
        pl.col("user", "prompt_key").first(),
        pl.col("created_at").max(),
        liked=pl.col("said").sum(),
        pro=gathered(pl.col("pro")),
        con=gathered(pl.col("con")),
        alone=pl.col("said").filter(~relative).sum(),
        alone_pro=gathered(pl.col("pro").filter(~relative)),
        alone_con=gathered(pl.col("con").filter(~relative)),
    )
