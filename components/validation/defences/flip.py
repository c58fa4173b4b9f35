"""Topics about which some raters choose the opposite of what everybody else says is the better answer.

If a rater turns a topic round, what they choose there is exp(-margins) times as likely as if they were honest. For a
share of the raters that gives an e-value (https://arxiv.org/abs/1906.07801): with honest raters and true margins it is
above 1/p with a chance of at most p, however often the same people ask about the same things. A topic is a word of the
question. Raters who choose the opposite elsewhere too have another taste and are left alone: a taste is no attack.
"""

import numpy as np
import polars as pl

from components.validation.defences.concentration import CHANCE, newcomer
from components.validation.defences.contradiction import margins
from components.validation.defences.reading import question, sample, words
from components.validation.finding import SUSPECTS
from components.validation.material import Material

FEWEST, PER_TOPIC = 200, 8  # pairs in all, and about one topic, that anything can be said of
READ = 6_000  # pairs in which topics are looked for; what is found is held in all
SHARES = (0.05, 0.2, 0.5, 0.9)  # of the raters of a topic, or of the newcomers among them, who may turn it round
SURE = 5.0  # log-odds beyond which no single pair speaks
ROUNDING = 1e-6  # of sums of the same numbers in another order


def suspect(material: Material) -> pl.DataFrame:
    """Pairs by raters who turn a topic round."""
    read = sample(material.preferences, READ)
    if read.height < FEWEST:
        return pl.DataFrame(schema=SUSPECTS)
    told = _by_topic(read, material)
    held = _turning(told)
    if read.height < material.preferences.height and held.height:
        told = _by_topic(pl.concat([read, _about(material.preferences, held["topic"])]).unique("id"), material)
        held = _turning(told)
    reason = pl.lit("topic turned round: its rater chooses what everybody else passes over, only where this is asked")
    ids = told.join(held, on=["topic", "rater"], how="semi")["id"].unique(maintain_order=True)
    return ids.to_frame().select("id", reason=reason)


def _by_topic(pairs: pl.DataFrame, material: Material) -> pl.DataFrame:
    """Every word of every question: `topic`, the pair's `row`, `id`, `rater` and `new`, and the nats `against`.

    The nats are what all pairs of the rater about this topic say for its being turned round; none of raters who choose
    the opposite elsewhere too.
    """
    if material.margins is None:
        agreeing = margins(material, pairs)
    else:
        heads = pl.DataFrame({"id": material.preferences["id"], "margin": material.margins.mean(axis=0)})
        agreeing = pairs.join(heads, on="id", maintain_order="left")["margin"].to_numpy()
    said = words(pairs.select(question()).to_series())
    known = pairs.select(
        "id",
        row=pl.int_range(pl.len()),
        rater=pl.coalesce("rater", "id"),
        new=newcomer(material.known),
        nats=pl.Series(np.clip(-agreeing, -SURE, SURE)),
    )
    met = pl.DataFrame({"topic": said.hashes, "row": said.rows}).unique().join(known, on="row")
    here = pl.col("nats").sum().over("topic", "rater")
    everywhere = known.group_by("rater").agg(everywhere=pl.col("nats").sum())
    elsewhere = met.join(everywhere, on="rater").with_columns(here=here)
    taste = pl.col("everywhere") - pl.col("here") > ROUNDING
    return elsewhere.with_columns(against=pl.when(taste).then(0.0).otherwise("here"))


def _turning(told: pl.DataFrame) -> pl.DataFrame:
    """Who turns which topic round: `topic`, `rater`. Evidence counts once, for the topic it says most about."""
    raters = told.group_by("topic", "rater").agg(pl.col("against", "new").first(), met=pl.len())
    found = [raters.clear().select("topic", "rater")]
    while (best := _clearest(raters)) is not None:
        topic, newcomers_only, share = best
        there = (pl.col("topic") == topic) & (pl.col("new") if newcomers_only else True)
        turning = raters.filter(there, pl.col("against") > np.log((1 - share) / share)).select("topic", "rater")
        found.append(turning)
        raters = raters.filter(pl.col("topic") != topic).join(turning, on="rater", how="anti")
    return pl.concat(found)


def _clearest(raters: pl.DataFrame) -> tuple[int, bool, float] | None:
    """The topic that is most clearly turned round: which, whether by newcomers only, and by what share of them."""
    nats = pl.concat(
        [
            crowd.group_by("topic").agg(
                newcomers=pl.lit(newcomers),
                share=pl.lit(share),
                nats=(1 - share + share * pl.col("against").exp()).log().sum(),
                met=pl.col("met").sum(),
            )
            for newcomers, crowd in ((False, raters), (True, raters.filter("new")))
            for share in SHARES
        ]
    )
    looked_at = nats.filter(pl.col("met") >= PER_TOPIC)
    sure = looked_at.filter(pl.col("nats") > np.log(max(looked_at.height, 1) / CHANCE)).sort("nats", "topic")
    return None if sure.is_empty() else sure.select("topic", "newcomers", "share").row(-1)


def _about(pairs: pl.DataFrame, topics: pl.Series) -> pl.DataFrame:
    said = words(pairs.select(question()).to_series())
    return pairs[np.unique(said.rows[np.isin(said.hashes, topics.to_numpy())])]
