"""Says what became of every signal, so that nothing that users said is lost without a trace."""

import polars as pl

FATES = ("pairs", "doubted", "unpaired", "contradicted", "weak", "alike", "unknown")
"""In the order of precedence, for a signal has one: it is evidence of a pair; of a pair nobody believes; of an example
with no partner; outweighed by what else the user said; too weak; about two answers that are the same; about an answer
that is not known, or not known to be an answer to the same prompt."""


def account(
    said: pl.DataFrame,
    weighed: pl.DataFrame,
    opinions: pl.DataFrame,
    believed: pl.DataFrame,
    doubted: pl.DataFrame,
    alone: pl.DataFrame,
) -> pl.DataFrame:
    """Count the signals of each kind of feedback by what became of them.

    Args:
        said: as `evidence.evidence` gives it.
        weighed: as `pairing.weigh_up` gives it.
        opinions: as `unpairing.left_over` gives them.
        believed, doubted: records of `Preference` made of what was weighed.
        alone: records of `Unpaired` made of the opinions.

    Returns:
        A row a kind, in the order of their names: `kind`, `signals`, and a column for each of `FATES`, which add up.
    """
    apart, liked = weighed.filter(~pl.col("alike")), pl.col("liked")
    became = {
        "pairs": [believed["provenance"]],
        "doubted": [doubted["provenance"]],
        "unpaired": [alone["provenance"]],
        "contradicted": [
            apart["con"],
            apart.filter(pl.col("odds") == 0)["pro"],
            opinions.filter(liked >= 0)["con"],
            opinions.filter(liked <= 0)["pro"],
        ],
        "weak": [apart["pro"], opinions["pro"], opinions["con"]],
        "alike": [weighed.filter("alike")["pro"], weighed.filter("alike")["con"]],
    }
    fates = pl.concat([_named(fate, signals) for fate, signals in became.items()]).unique(
        "signal", keep="first", maintain_order=True
    )
    spoken = said.select("kind", signal=pl.concat_list("pro", "con")).explode("signal").drop_nulls()
    told = spoken.join(fates, on="signal", how="left").with_columns(pl.col("fate").fill_null("unknown"))
    counts = [(pl.col("fate") == fate).sum().alias(fate) for fate in FATES]
    return told.group_by("kind").agg(pl.len().alias("signals"), *counts).sort("kind")


def _named(fate: str, signals: list[pl.Series]) -> pl.DataFrame:
    each = pl.concat([lists.explode().drop_nulls() for lists in signals])
    return each.unique().to_frame("signal").with_columns(fate=pl.lit(fate))
