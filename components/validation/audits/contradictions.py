"""Preferences that cannot all be meant: one answer above another and below it, or above itself by way of others.

People differ, so some of this is no fault; of one rater it is. Knows nothing of who is right.
"""

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from components.records.handles import Estimate
from components.validation.comparisons import compared
from components.validation.dots import dots
from components.validation.finding import Finding
from components.validation.material import Material
from components.validation.pairs import A_TASK, share

CONTRADICTS = "the same rater also prefers the rejected answer to the chosen one"


def look(material: Material) -> Finding | None:
    """How many preferences another one contradicts, or several others together; None where none could.

    Measures:
        data/contradictory: the share of preferences of which another, by anybody, says the opposite.
        data/cyclic: the share that lie on a cycle of three answers or more to one prompt, going by what the majority
            says of each two answers (Condorcet's paradox).
        data/self_contradictory: the share of preferences with a known rater who also says the opposite.
    """
    told = compared(material.preferences)
    if not told.select((pl.len().over("prompt") > 1).any()).item():
        return None  # every prompt has one pair, so nothing meets anything
    known = pl.col("rater").is_not_null()
    told = told.with_columns(
        contradicted=_both_ways("item"), by_oneself=known & _both_ways("item", "rater"), cyclic=_cyclic(told)
    )
    unit = pl.when(pl.len().over("prompt") > A_TASK).then("item").otherwise("prompt")
    units, everybody = told.select(unit).to_series().to_numpy(), np.ones(told.height, bool)
    measures = {
        "data/contradictory": share(told["contradicted"].to_numpy(), everybody, units, material),
        "data/cyclic": share(told["cyclic"].to_numpy(), everybody, units, material),
    }
    if told["rater"].count():
        named = told["rater"].is_not_null().to_numpy()
        measures["data/self_contradictory"] = share(told["by_oneself"].to_numpy(), named, units, material)
    first, second = measures["data/contradictory"], measures["data/cyclic"]
    sentence = (
        f"{first.value:.1%} of preferences ({first.low:.1%} to {first.high:.1%}) are contradicted by another one, and "
        f"{second.value:.1%} run in a circle of three answers or more."
    )
    suspects = told.filter("by_oneself").select("id", reason=pl.lit(CONTRADICTS))
    return Finding(measures, sentence, _figure(measures), suspects)


def _both_ways(*among: str) -> pl.Expr:
    """Whether, of the rows that are the same in some columns, some prefer the first and some the second."""
    forward = pl.col("forward")
    return forward.any().over(*among) & ~forward.all().over(*among)


def _cyclic(told: pl.DataFrame) -> pl.Series:
    """Whether each preference joins two answers of a strongly connected component of what majorities prefer."""
    lead = (2 * pl.col("forward").cast(pl.Int64) - 1).sum()
    met = told.group_by("prompt", "first", "second", "item").agg(lead=lead).filter(pl.col("lead") != 0)
    ends = [pl.struct("prompt", side).hash() for side in ("first", "second")]
    met = met.select("item", "lead", first=ends[0], second=ends[1])
    answers, places = np.unique(
        np.concatenate([met["first"].to_numpy(), met["second"].to_numpy()]), return_inverse=True
    )
    first, second = places[: met.height], places[met.height :]
    ahead = met["lead"].to_numpy() > 0
    better, worse = np.where(ahead, first, second), np.where(ahead, second, first)
    edges = sparse.csr_matrix((np.ones(met.height, np.int8), (better, worse)), shape=(len(answers), len(answers)))
    component = connected_components(edges, directed=True, connection="strong")[1]
    circling = met.select("item").filter(pl.Series(component[better] == component[worse]))
    return told["item"].is_in(circling["item"].implode())


def _figure(measures: dict[str, Estimate]) -> Figure:
    titles = {
        "data/contradictory": "contradicted",
        "data/cyclic": "in a circle",
        "data/self_contradictory": "by the same rater",
    }
    return dots({titles[name]: found for name, found in measures.items()}, 0.0, "share of preferences")
