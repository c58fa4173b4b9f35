"""Turns candidates into pairs: all that one user said about the same two answers is weighed before one is chosen.

Knows nothing of where candidates come from.
"""

import polars as pl

from components.preferences.evidence import gathered, strength, with_raters
from components.records.messages import MESSAGES, transcript
from components.records.schemas import Preference, as_records

CANDIDATE = {
    "who": pl.UInt32(),
    "about": pl.String(),
    "prompt_key": pl.UInt64(),
    "chosen": MESSAGES,
    "rejected": MESSAGES,
    "chosen_id": pl.String(),
    "rejected_id": pl.String(),
    "own": pl.Float64(),
    "signals": pl.List(pl.String()),
    "position": pl.Int64(),
    "created_at": pl.Datetime("us", "UTC"),
}
"""One answer set above another: by whom, in the interaction `about` whose prompt both answer (`prompt_key`), the ids
of the interactions they are from (null for a text of the user's own), and half log-odds (`own`) and signals that speak
of the two together; `position` is where chosen was shown, null where the two were not shown beside each other. What was
said of each by itself is added here."""


def weigh_up(candidates: pl.DataFrame, said: pl.DataFrame, stood: pl.DataFrame) -> pl.DataFrame:
    """Decide between the two answers of every candidate.

    What was said of one answer alone tells half as much about which of two is better as what was said of both.

    Args:
        candidates: columns of `CANDIDATE`, several of the same two answers as they come.
        said: as `evidence.evidence` gives it, for who is who.
        stood: what each user said of each answer (`evidence.standings`).

    Returns:
        A row for each user, prompt and two answers: `who`, `about`, `chosen`, `rejected`, `position` (where chosen was
        shown when the two last stood beside each other, null where they never did), `created_at`; `odds`, half
        log-odds that chosen is better, 0 where nothing tells; `pro` and `con`, the signals that say so and that say
        the opposite; `alike`, whether the two answers are the same.
    """
    unnamed = said.filter(pl.col("user").is_null())["who"].unique()
    told = candidates.with_columns(
        chosen_key=transcript(pl.col("chosen")).hash(), rejected_key=transcript(pl.col("rejected")).hash()
    )
    # Both directions of a pair are one row: `first` and `second` in the order of their keys.
    forward = pl.col("chosen_key") <= pl.col("rejected_key")
    sides = told.with_columns(forward=forward).with_columns(
        first_key=pl.when("forward").then("chosen_key").otherwise("rejected_key"),
        second_key=pl.when("forward").then("rejected_key").otherwise("chosen_key"),
        first_id=pl.when("forward").then("chosen_id").otherwise("rejected_id"),
        second_id=pl.when("forward").then("rejected_id").otherwise("chosen_id"),
        own=pl.when("forward").then("own").otherwise(-pl.col("own")),
        first_position=pl.when("forward").then("position").otherwise(_opposite("position")),
        # People nobody can tell apart do not contradict themselves.
        apart=pl.col("who").is_in(unnamed.implode()) & pl.col("forward"),
    )
    met = sides.group_by("who", "apart", "prompt_key", "first_key", "second_key", maintain_order=True).agg(
        pl.col("about").first(),
        pl.col("created_at").max(),
        pl.col("own").sum(),
        pl.col("first_id", "second_id").drop_nulls().first(),
        pl.col("first_position").drop_nulls().last(),
        for_first=gathered(pl.col("signals").filter("forward")),
        for_second=gathered(pl.col("signals").filter(~pl.col("forward"))),
    )
    for side in ("first", "second"):
        alone = stood.select(
            "who",
            pl.col("interaction").alias(f"{side}_id"),
            pl.col("alone").alias(f"{side}_alone"),
            pl.col("alone_pro").alias(f"{side}_pro"),
            pl.col("alone_con").alias(f"{side}_con"),
        )
        met = met.join(alone, on=["who", f"{side}_id"], how="left", maintain_order="left")
    difference = pl.col("first_alone").fill_null(0.0) - pl.col("second_alone").fill_null(0.0)
    met = met.with_columns(odds=(pl.col("own") + difference / 2).round(9))
    return _turned(met, _texts(told))


def _opposite(position: str) -> pl.Expr:
    return 3 - pl.col(position)


def _texts(told: pl.DataFrame) -> pl.DataFrame:
    """Each answer once: `key`, `text`."""
    sides = [told.select(key=f"{side}_key", text=side) for side in ("chosen", "rejected")]
    return pl.concat(sides).unique("key", keep="first", maintain_order=True)


def _turned(met: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Name the two answers by what the odds say of them."""
    first = pl.col("odds") >= 0

    def better(name: str) -> pl.Expr:
        return pl.when(first).then(f"first_{name}").otherwise(f"second_{name}")

    def worse(name: str) -> pl.Expr:
        return pl.when(first).then(f"second_{name}").otherwise(f"first_{name}")

    def together(*lists: pl.Expr) -> pl.Expr:
        return pl.concat_list(*(each.fill_null(pl.lit([], dtype=pl.List(pl.String))) for each in lists)).list.unique(
            maintain_order=True
        )

    agreeing = pl.when(first).then("for_first").otherwise("for_second")
    opposing = pl.when(first).then("for_second").otherwise("for_first")
    named = met.select(
        "who",
        "about",
        "created_at",
        chosen_key=better("key"),
        rejected_key=worse("key"),
        position=pl.when(first).then("first_position").otherwise(_opposite("first_position")),
        odds=pl.col("odds").abs(),
        pro=together(agreeing, better("pro"), worse("con")),
        con=together(opposing, better("con"), worse("pro")),
        alike=pl.col("first_key") == pl.col("second_key"),
    )
    for side in ("chosen", "rejected"):
        named = named.join(
            texts.select(pl.col("key").alias(f"{side}_key"), pl.col("text").alias(side)),
            on=f"{side}_key",
            how="left",
            maintain_order="left",
        )
    return named.drop("chosen_key", "rejected_key")


def clear(weighed: pl.DataFrame, least: float) -> pl.DataFrame:
    """Those of which it is told clearly enough which answer is better: at least as strongly as `least`."""
    sure = strength(pl.col("odds"))
    return weighed.filter(~pl.col("alike"), sure > 0, sure >= least)


def as_preferences(weighed: pl.DataFrame, said: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Write weighed pairs as records of `Preference`.

    Args:
        weighed: as `weigh_up` gives it.
        said: as `evidence.evidence` gives it, for who is who.
        known: interactions, for what was asked.
    """
    told = with_raters(weighed, said, known).with_columns(
        strength=strength(pl.col("odds")), weight=pl.lit(1.0), provenance="pro"
    )
    return as_records(told, Preference).unique("id", keep="first", maintain_order=True)
