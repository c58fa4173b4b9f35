"""Makes preferences out of feedback. Knows what a pair needs; the builders know where pairs come from."""

import polars as pl

from components.preferences.builders import BUILDERS
from components.records.messages import transcript
from components.records.schemas import Preference, as_records, dtypes


def build(feedback: pl.DataFrame, interactions: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """Every pair that any builder finds.

    Args:
        feedback: records of `Feedback`.
        interactions: records of `Interaction`, at least those the feedback is about.
        signals: records of `Signal` found in the feedback.

    Returns:
        Records of `Preference`, not yet validated; each names the signals it was made from.
    """
    facts = heard(feedback, interactions, signals)
    columns = [name for name in dtypes(Preference) if name != "id"]
    made = [
        builder(facts, interactions).with_columns(weight=pl.lit(1.0), rater="user").select(columns)
        for builder in BUILDERS.values()
    ]
    # An edit that changed nothing and a choice between two equal answers prefer nothing.
    told = pl.concat(made).filter(transcript(pl.col("chosen")) != transcript(pl.col("rejected")))
    return as_records(told, Preference).unique("id", keep="first", maintain_order=True)


def heard(feedback: pl.DataFrame, interactions: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """Feedback with what it says (`signal`, `polarity`, `strength`) and what it is about (`prompt`, `response`).

    Feedback whose interaction is not known yet is left out: it is heard when the interaction has landed.
    """
    said = signals.select("polarity", "strength", signal="id", id="feedback")
    about = interactions.select("prompt", "response", "language", interaction="id")
    known = feedback.join(about, on="interaction", maintain_order="left")
    return known.join(said, on="id", how="left", maintain_order="left")
