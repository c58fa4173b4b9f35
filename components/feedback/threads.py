"""Hears what users say next: where one conversation goes on in another interaction, that is a follow-up to the answer.

Knows nothing of what the words mean. Conversations are known by what was said in them, so no application has to name
them; what the system was told beforehand may change from turn to turn.
"""

import polars as pl

from components.records.messages import PARTING, transcript
from components.records.schemas import Feedback, as_records


def followups(interactions: pl.DataFrame, feedback: pl.DataFrame) -> pl.DataFrame:
    """Follow-ups that follow from interactions alone.

    Args:
        interactions: records of `Interaction`.
        feedback: records of `Feedback`; a follow-up that was reported already is not found again.

    Returns:
        Records of `Feedback` of the kind followup: in the words of the user who goes on, at the time of the
        interaction they go on in.
    """
    prompt, response = pl.col("prompt"), pl.col("response")
    turns = interactions.select(
        "id",
        "user",
        "group",
        "source",
        "created_at",
        last=prompt.list.last(),
        before=_spoken(prompt.list.head(prompt.list.len().cast(pl.Int64) - 1)).hash(),
        after=_one_after_the_other(_spoken(prompt), _spoken(response)).hash(),
    )
    went_on = turns.filter(pl.col("last").struct.field("role") == "user")
    found = (
        went_on.join(
            turns.select(interaction="id", asker="user", before="after", answered_at="created_at"),
            on="before",
            maintain_order="left_right",
        )
        .filter(pl.col("user").eq_missing(pl.col("asker")) & ~(pl.col("answered_at") > pl.col("created_at")))
        .unique("id", keep="last", maintain_order=True)
        .select(
            "interaction",
            "user",
            "group",
            "source",
            "created_at",
            kind=pl.lit("followup"),
            text=pl.col("last").struct.field("content"),
        )
    )
    reported = feedback.filter(pl.col("kind") == "followup").select("interaction", "text")
    return as_records(found.join(reported, on=["interaction", "text"], how="anti", maintain_order="left"), Feedback)


def _spoken(messages: pl.Expr) -> pl.Expr:
    """A conversation as one text, without what the system was told, and without blanks around what was said."""
    role, content = pl.element().struct.field("role"), pl.element().struct.field("content")
    spoken = pl.element().filter(role != "system")
    stripped = pl.struct(role=role, content=content.str.strip_chars())
    return transcript(messages.list.eval(spoken).list.eval(stripped))


def _one_after_the_other(*transcripts: pl.Expr) -> pl.Expr:
    """The transcript of conversations that follow each other: ten times as quick as that of their lists in one."""
    return pl.concat_str([pl.when(said != "").then(said) for said in transcripts], separator=PARTING, ignore_nulls=True)
