"""Reads in users' words, by their phrases and what they react to, how satisfied they are. Asks no model.

The rubrics are those of SPUR (https://arxiv.org/abs/2403.12388) and WildFeedback (https://arxiv.org/abs/2408.15549).
Every phrase and circumstance that speaks adds its log-odds for or against the answer; what they come to is the finding,
under the rubric that told most of it.
"""

from typing import Any

import polars as pl

from components.feedback.signals import phrases
from components.feedback.signals.reactions import WORDS
from components.feedback.signals.rubric_names import POLARITY
from components.workspace import Workspace

SAID_AGAIN = 0.25
"""How much a rubric's further phrases count, beside the one that tells most."""
AT_ONCE = 160
"""Bytes of a turn in which a phrase counts in full: what stands further in is more likely about something else."""
EVIDENCE = 200
"""Characters that are quoted of a turn that shows something as a whole."""
ANSWER = 160
"""Characters of an answer in which it says that it has none."""
QUESTION = r"[?？]\W*$"

PASSED_OVER = 0.2
"""What it tells that a user who was asked something asks something instead of answering."""
REPEATED, HALF_REPEATED = 1.6, 0.4
"""What it tells that a user asks the same again: word for word, or in most of the words."""


class Rubrics:
    """At most one finding for each reaction that is words: the sum of all that it shows."""

    name = "rubrics/1"

    def __init__(self, workspace: Workspace) -> None:
        del workspace  # it needs nothing but what users said

    def find(self, reactions: pl.DataFrame) -> pl.DataFrame:
        """See `Detector.find`."""
        return findings(turns_of(reactions))


def turns_of(reactions: pl.DataFrame) -> pl.DataFrame:
    """The reactions that are words, ready to be read: `turn`, their `row` among the reactions, and what is read."""
    return (
        reactions.select("kind", "text", "asked", "answered", "earlier")
        .with_row_index("row")
        .filter(pl.col("kind").is_in(WORDS) & (pl.col("text").str.strip_chars() != ""))
        .with_row_index("turn")
        .with_columns(said=phrases.spoken(pl.col("text")))
        .with_columns(laid=phrases.laid_out(pl.col("said")))
        .with_columns(_circumstances())
    )


def shown(turns: pl.DataFrame) -> pl.DataFrame:
    """Everything that shows something in turns.

    Args:
        turns: what `turns_of` gives.

    Returns:
        `turn`, `rubric`, `tells` (log-odds, above 0 for either polarity), and of a phrase its `offset` (bytes into what
        is laid out) and `words`; null where not a phrase but the situation shows it.
    """
    return pl.concat([_phrases(turns), *_situations(turns)])


def _circumstances() -> list[pl.Expr]:
    """What is known of the answer: whether it failed, whether it ended in a question, whether it was asked again."""
    answer = pl.col("answered").fill_null("")
    mine, before = _contents(pl.col("text")), _contents(pl.col("asked").fill_null(""))
    shared = mine.list.set_intersection(before).list.len()
    most = pl.max_horizontal(mine.list.len(), before.list.len())
    return [
        _failing(phrases.laid_out(answer.str.head(ANSWER))).alias("failing"),
        answer.str.contains(QUESTION).alias("asking"),
        pl.when(most >= 3).then(shared / most).fill_null(0.0).alias("repeated"),
    ]


def _failing(answer: pl.Expr) -> pl.Expr:
    """What it tells, beside the user's words, that the answer is a refusal or bad news; null where it is not."""
    tells: Any = pl
    for level, said in phrases.failures():
        tells = tells.when(answer.str.contains_any(said)).then(level)
    return tells.otherwise(None)


def _contents(text: pl.Expr) -> pl.Expr:
    return text.str.head(phrases.OPENING).str.to_lowercase().str.extract_all(r"\w{4,}").list.unique()


def _phrases(turns: pl.DataFrame) -> pl.DataFrame:
    """What the phrases of each turn show."""
    found = phrases.occurrences(turns["laid"]).rename({"row": "turn"})
    asking = pl.col("asking")
    refused = pl.when(asking).then(pl.lit("no_engagement")).otherwise(pl.lit("negative_feedback"))
    return (
        found.join(turns.select("turn", "asking"), on="turn", maintain_order="left")
        .with_columns(rubric=pl.when(pl.col("shows") == "refusal").then(refused).otherwise("shows"))
        .filter(pl.col("rubric").is_in(list(POLARITY)))
        .select("turn", "rubric", pl.col("tells") * (AT_ONCE / pl.col("offset")).clip(0, 1) ** 2, "offset", "words")
    )


def _situations(turns: pl.DataFrame) -> list[pl.DataFrame]:
    """What it shows that a turn follows a failed answer, or says again what was said."""
    repeated = pl.col("repeated")
    again = pl.when(repeated >= 0.99).then(REPEATED).when(repeated > 0.5).then(HALF_REPEATED)
    passed_over = pl.col("asking") & pl.col("text").str.contains(QUESTION)
    whole = {"offset": pl.lit(None, pl.UInt32), "words": pl.lit(None, pl.Int64)}
    return [
        turns.select("turn", rubric=pl.lit("revision"), tells=again, **whole).drop_nulls("tells"),
        turns.select("turn", rubric=pl.lit("unrealistic_expectation"), tells="failing", **whole).drop_nulls("tells"),
        turns.filter(passed_over).select("turn", rubric=pl.lit("no_engagement"), tells=pl.lit(PASSED_OVER), **whole),
    ]


def findings(turns: pl.DataFrame) -> pl.DataFrame:
    """What all that each turn shows comes to: columns of `FINDING`.

    Args:
        turns: what `turns_of` gives.
    """
    return _strongest(_totals(shown(turns)), turns)


def _totals(shown: pl.DataFrame) -> pl.DataFrame:
    """What each rubric comes to in each turn, signed, and the phrase that told most of it."""
    most = pl.col("tells").arg_max()
    rubrics = shown.group_by("turn", "rubric", maintain_order=True).agg(
        tells=pl.col("tells").max() * (1 - SAID_AGAIN) + pl.col("tells").sum() * SAID_AGAIN,
        offset=pl.col("offset").get(most),
        words=pl.col("words").get(most),
    )
    against = pl.col("rubric").replace_strict(POLARITY) == "dissatisfied"
    return rubrics.with_columns(tells=pl.when(against).then("tells").otherwise(-pl.col("tells")))


def _strongest(totals: pl.DataFrame, turns: pl.DataFrame) -> pl.DataFrame:
    """The sum of each turn's totals, under the rubric that tells most of it."""
    net = totals.group_by("turn", maintain_order=True).agg(net=pl.col("tells").sum().round(6))
    strongest = (
        totals.join(net, on="turn")
        .filter(pl.col("tells") * pl.col("net") > 0)
        .sort("turn", pl.col("tells").abs(), "rubric", descending=[False, True, False])
        .unique("turn", keep="first", maintain_order=True)
        .join(turns.select("turn", "row", "text", "said", "laid"), on="turn", maintain_order="left")
    )
    quoted = phrases.words_at(pl.col("said"), phrases.words_before(pl.col("laid"), pl.col("offset")), pl.col("words"))
    whole = pl.col("text").str.strip_chars().str.head(EVIDENCE)
    return strongest.select(
        "row",
        polarity=pl.when(pl.col("net") > 0).then(pl.lit("dissatisfied")).otherwise(pl.lit("satisfied")),
        rubric="rubric",
        strength=(pl.col("net").abs() / 2).tanh(),
        evidence=pl.when(pl.col("offset").is_null()).then(whole).otherwise(quoted),
    )
