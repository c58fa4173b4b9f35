"""Takes the user turns out of records, where every prompt repeats all that was said before. Knows no format's rows.

A turn belongs to the answer to it. What a prompt holds of answers that are in the file too is theirs; what it holds of
others is its own. Last words, which nothing answers, are told by the feedback they are.
"""

import polars as pl

from components.feedback.signals.reactions import OPENING, reactions_to
from components.feedback.signals.spoken import TURN, spoken
from components.records.messages import MESSAGES, transcript

SPREAD = ("heed", "langfuse", "mlflow", "oasst", "tensorzero")
"""The formats in which a row may be a part of a conversation; in the others a row is a whole."""

ANSWERED = {
    "line": pl.Int64(),
    "id": pl.String(),
    "user": pl.String(),
    "prompt": MESSAGES,
    "response": MESSAGES,
}


def turns_of_records(parts: dict[str, pl.DataFrame], format: str) -> pl.DataFrame:
    """The user turns of a file.

    Args:
        parts: the sound rows that a reader gives, by the kind of record, each with its `line`.
        format: the name of the format.

    Returns:
        Columns of `TURN` in the order of the file.
    """
    answered = _hashed(_answered(parts), format)
    prompts = _distinct(answered)
    told = pl.concat([_new_turns(prompts), _earlier_turns(prompts)]).sort("line", "number", "earlier")
    said = pl.concat([told.select(*TURN), _last_words(parts, answered, prompts)])
    return said.sort("line", maintain_order=True)


def _answered(parts: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Every prompt with its answer: columns of `ANSWERED`; a pair's prompt only where its row has no interactions."""
    pieces = []
    for kind in ("interactions", "preferences"):
        part = parts.get(kind, pl.DataFrame(schema=ANSWERED))
        columns = [
            pl.col(name).cast(dtype) if name in part.columns else pl.lit(None, dtype).alias(name)
            for name, dtype in ANSWERED.items()
        ]
        pieces.append(part.select(columns))
    interactions, pairs = pieces
    pairs = pairs.unique("line", keep="first", maintain_order=True) if len(interactions) else pairs
    pairs = pairs.join(interactions, on="line", how="anti", maintain_order="left")
    return pl.concat([interactions, pairs]).sort("line", maintain_order=True)


def _hashed(answered: pl.DataFrame, format: str) -> pl.DataFrame:
    """Say what of each prompt is how much, and whose.

    Returns:
        Columns of `ANSWERED`; `scope` (within which equal prompts are the same words: a row, or all that a user says)
        and `who` (whose answers may stand in the prompt); `past` (how many messages stand before the latest turn); and
        hashes: `whole` of the prompt, `told` of it and its answer, `before` of its past.
    """
    row = pl.format("line {}", "line")
    user = pl.when(pl.col("user").is_null()).then(row).otherwise(pl.format("user {}", "user"))
    by_others = pl.col("prompt").list.eval(pl.element().struct.field("role") != "user")
    latest = by_others.list.reverse().list.arg_max()
    told = answered.with_columns(
        scope=user if format in SPREAD else row,
        who=pl.col("user").fill_null("") if format in SPREAD else row,
        past=pl.when(by_others.list.any()).then(pl.col("prompt").list.len() - latest).otherwise(0).cast(pl.UInt32),
    )
    return told.with_columns(
        whole=transcript(pl.col("prompt")).hash(),
        told=transcript(pl.concat_list("prompt", "response")).hash(),
        before=transcript(pl.col("prompt").list.head("past")).hash(),
    )


def _distinct(answered: pl.DataFrame) -> pl.DataFrame:
    """Every prompt once, with its `number`, and `theirs`: whether its past is another's prompt and answer."""
    known = answered.select("who", before="told", theirs=pl.lit(True)).unique(["who", "before"])
    prompts = answered.unique(["scope", "whole"], keep="first", maintain_order=True).with_row_index("number")
    return prompts.join(known, on=["who", "before"], how="left", maintain_order="left").with_columns(
        pl.col("theirs").fill_null(False)
    )


def _new_turns(prompts: pl.DataFrame) -> pl.DataFrame:
    """What the user says at the end of each prompt; columns of `TURN`, and `number`."""
    head = pl.col("prompt").list.head("past")
    asks = pl.element().struct.field("role") == "user"
    since = head.list.eval(asks).list.reverse().list.arg_max()
    start = pl.when(head.list.eval(asks).list.any()).then(pl.col("past") - 1 - since).otherwise(0).cast(pl.UInt32)
    parts = prompts.with_columns(start=start).select(
        "line",
        "number",
        earlier_still=pl.col("prompt").list.head("start").list.eval(asks).list.sum().cast(pl.UInt32),
        old=pl.col("past") - pl.col("start"),
        said=pl.col("prompt").list.slice("start"),
    )
    told = _spoken(parts).filter(pl.col("position") >= pl.col("old"))
    earlier = pl.col("earlier") + pl.col("earlier_still")
    kind = pl.when(earlier == 0).then(pl.lit(OPENING)).otherwise(pl.lit("followup"))
    return told.with_columns(earlier=earlier, kind=kind).select(*TURN, "number")


def _earlier_turns(prompts: pl.DataFrame) -> pl.DataFrame:
    """What the user said before in prompts whose past the file does not hold; columns of `TURN`, and `number`."""
    alone = prompts.filter(~pl.col("theirs") & (pl.col("past") > 0))
    told = _spoken(alone.select("line", "number", "scope", said=pl.col("prompt").list.head("past")))
    told = told.join(alone.select("number", "prompt"), on="number", maintain_order="left").with_columns(
        whole=transcript(pl.col("prompt").list.head(pl.col("position") + 1)).hash()
    )
    new = told.join(prompts, on=["scope", "whole"], how="anti", maintain_order="left")
    return new.unique(["scope", "whole"], keep="first", maintain_order=True).select(*TURN, "number")


def _spoken(parts: pl.DataFrame) -> pl.DataFrame:
    """The user turns of `said`, each with its `position` in it."""
    messages = parts.with_columns(position=pl.int_ranges(pl.col("said").list.len().cast(pl.Int64)))
    messages = messages.filter(pl.col("said").list.len() > 0).explode("said", "position").unnest("said")
    told = spoken(messages.rename({"line": "row", "number": "line"}))
    return told.rename({"line": "number", "row": "line"})


def _last_words(parts: dict[str, pl.DataFrame], answered: pl.DataFrame, prompts: pl.DataFrame) -> pl.DataFrame:
    """What users say next that is in no prompt; columns of `TURN`."""
    feedback = parts.get("feedback", pl.DataFrame(schema={"kind": pl.String}))
    heard = feedback.filter(kind="followup")
    if heard.is_empty():
        return pl.DataFrame(schema=TURN)
    heard = heard.filter(pl.col("text").str.strip_chars() != "").unique(
        ["interaction", "text"], keep="first", maintain_order=True
    )
    about = answered.select("told", "who", interaction="id")
    nexts = prompts.select("who", told="before", text=pl.col("prompt").list.last().struct.field("content"))
    last = heard.join(about, on="interaction", how="left", maintain_order="left").join(
        nexts, on=["who", "told", "text"], how="anti", maintain_order="left"
    )
    said = reactions_to(last.with_columns(score=pl.lit(None, pl.Float64)), answered)
    return said.with_columns(line=last["line"]).select(*TURN)
