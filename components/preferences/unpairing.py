"""Keeps what has no partner: answers that somebody liked or disliked, with no other answer to set beside them."""

import polars as pl

from components.preferences.evidence import gathered, standings, strength, with_raters
from components.records.schemas import Unpaired, as_records


def left_over(said: pl.DataFrame, clear: pl.DataFrame) -> pl.DataFrame:
    """What users said of answers in feedback that was weighed neither for nor against a pair.

    Args:
        said: as `evidence.evidence` gives it.
        clear: the pairs, with the signals that speak for (`pro`) and against them (`con`).

    Returns:
        As `evidence.standings` gives it.
    """
    used = pl.concat([clear.select(signal=side).explode("signal") for side in ("pro", "con")]).drop_nulls().unique()
    signals = said.select("feedback", signal=pl.concat_list("pro", "con")).explode("signal")
    heard = signals.join(used, on="signal", how="semi").select("feedback").unique()
    return standings(said.join(heard, on="feedback", how="anti", maintain_order="left"))


def unpaired(opinions: pl.DataFrame, said: pl.DataFrame, known: pl.DataFrame, least: float) -> pl.DataFrame:
    """Write opinions as records of `Unpaired`; each names the signals that agree with it.

    Args:
        opinions: as `left_over` gives them.
        said: as `evidence.evidence` gives it, for who is who.
        known: interactions, for what was asked and answered.
        least: strength below which an example is left out.
    """
    answers = known.select("response", about="id")
    clear = (
        opinions.with_columns(strength=strength(pl.col("liked").abs()), desirable=pl.col("liked") > 0)
        .filter(pl.col("strength") > 0, pl.col("strength") >= least)
        .rename({"interaction": "about"})
        .join(answers, on="about", maintain_order="left")
    )
    told = with_raters(clear, said, known).with_columns(
        weight=pl.lit(1.0), provenance=pl.when("desirable").then("pro").otherwise("con")
    )
    records = as_records(told, Unpaired)
    # The same answer, given twice and liked twice, is one example with all that was said of it behind it.
    same = records.group_by("id", maintain_order=True)
    others = pl.exclude("id", "strength", "provenance", "created_at")
    merged = same.agg(others.first(), pl.col("strength", "created_at").max(), provenance=gathered(pl.col("provenance")))
    return merged.select(records.columns)
