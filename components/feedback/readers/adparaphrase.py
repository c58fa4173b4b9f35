"""AdParaphrase: pairs of Japanese ad texts, and how many of ten judges found each the more attractive.

https://github.com/CyberAgentAILab/AdParaphrase, https://arxiv.org/abs/2502.04674
"""

from typing import Any

import polars as pl

from components.feedback.readers.fields import because, extract, missing, no_number, no_text, number, text
from components.records.messages import message

TEXTS = ("ad1", "ad2")
VOTES = ("count.preference_ad1", "count.preference_ad2", "count.preference_skip")
ASKED = "広告文を書いてください。"
"""The data has no prompts: what a user asks who wants an ad text, the same for every pair."""


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is two ad texts with their votes."""
    return all(key in row for key in (*TEXTS, *VOTES))


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read voted pairs into preferences.

    The strength is the share of all judges by which one text leads, (a - b) / (a + b + skipped): a judge who preferred
    neither speaks against a clear preference, so one vote to none among nine that skipped is 0.1 and not 1. Ten people
    are no one rater: there is none. The first text is the older one, the second mostly a paraphrase of it; which of
    them the judges were shown first is not told. Pairs that nobody judged (the judges saw only those that are
    paraphrases) and ties are problems.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "preferences", shape (n, …): `line`, `row`, `reason`, and where that is null the columns of a preference.
    """
    fields = extract(rows, (*TEXTS, *VOTES))
    first, second, skipped = (number(key).fill_null(0.0) for key in VOTES)
    lead, judges = first - second, first + second + skipped
    better = pl.when(lead > 0).then(text("ad1")).otherwise(text("ad2"))
    worse = pl.when(lead > 0).then(text("ad2")).otherwise(text("ad1"))
    malformed = because(
        *(complaint(key) for key in TEXTS for complaint in (missing, no_text)),
        *(no_number(key) for key in VOTES),
        *(pl.when(number(key) < 0).then(pl.format("{} is below 0", pl.lit(key))) for key in VOTES),
    )
    undecided = (
        pl.when(judges == 0)
        .then(pl.lit("no judge voted on this pair"))
        .when(lead == 0)
        .then(pl.lit("a tie: neither answer is preferred"))
    )
    return {
        "preferences": fields.select(
            "line",
            "row",
            prompt=message("user", pl.lit(ASKED)),
            chosen=message("assistant", better),
            rejected=message("assistant", worse),
            strength=lead.abs() / judges,
            weight=pl.lit(1.0),
            language=pl.lit("ja"),
            reason=pl.coalesce(malformed, undecided),
        )
    }
