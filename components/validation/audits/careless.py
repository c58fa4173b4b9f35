"""Raters who do not look like people who read: too fast, always left, always the longer, always the same score.

Everybody is measured against what the others do, in all, in the same source and in the same group, so what a product
or a group brings with it makes nobody suspicious. As many raters are tested in several ways, some would stand out by
chance: Benjamini and Hochberg's procedure keeps the expected share of those among the found to 1%
(https://doi.org/10.1111/j.2517-6161.1995.tb02031.x). Knows nothing of whether they are right.
"""

from datetime import time

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from scipy.stats import binom, false_discovery_control

from components.records.handles import Estimate
from components.records.messages import text_of
from components.records.schemas import POSITIONS
from components.validation.dots import dots
from components.validation.finding import Finding
from components.validation.material import Material
from components.validation.pairs import share

FEWEST = 10
"""Judgements without which nothing is said of a rater."""

ALWAYS = 0.95
"""Share of judgements from which on a rater does something always."""

MOSTLY = 0.5
"""Share of judgements from which on a rater is too fast to be a reader: nobody is at every one."""

MISTAKEN = 0.01
"""Of the raters that are found, the share that may be there by chance."""

FASTEST = 1.0
"""Seconds that a judgement takes at least."""

WORDS_A_SECOND = 50.0
"""Ten times as fast as people read: https://doi.org/10.1016/j.jml.2019.104047."""

COUNTED = {
    "habit": pl.String(),
    "way": pl.Int32(),
    "rater": pl.String(),
    "source": pl.String(),
    "group": pl.String(),
    "hits": pl.Int64(),
    "of": pl.Int64(),
}
"""How often a rater did what may be a habit, in one of the ways to have it (side, score), out of how often."""

PEERS = (None, "source", "group")
"""Whom a rater is measured against: everybody, and those who share these."""

JUDGED = ("thumb", "rating", "choice")

SCORES = 3, 20
"""How many different scores there must be, and may be, for always giving the same to mean something.

Of two, as up and down, many people only ever give one: they speak up when they are glad, or when they are not.
"""

HABITS = {
    "too fast": "judges faster than anybody can read",
    "same side": "takes the answer on the same side nearly always",
    "longer": "takes the longer answer nearly always",
    "same score": "gives the same score nearly always",
}
"""What is held against a rater, by the name of the habit."""


def look(material: Material) -> Finding | None:
    """Which raters judge without reading.

    Measures:
        data/careless_raters: the share of raters with at least 10 judgements of a kind who do so.
        data/careless_preferences: the share of pairs of known raters that are theirs.
    """
    pairs = material.preferences
    tested = _tested(pl.concat([_read(material), _placed(pairs), _longer(pairs), _scored(material.feedback)]))
    if tested.is_empty():
        return None
    caught = tested.filter("careless")
    careless = tested.group_by("rater", maintain_order=True).agg(pl.col("careless").any())["careless"]
    measures = {"data/careless_raters": _of_raters(careless, material)}
    why = caught.group_by("rater").agg(
        reason=pl.col("habit").replace_strict(HABITS, return_dtype=pl.String).unique().sort().str.join("; ")
    )
    known = pairs.select("id", "rater").drop_nulls("rater").join(why, on="rater", how="left", maintain_order="left")
    if known.height:
        theirs, people = known["reason"].is_not_null().to_numpy(), known["rater"].hash().to_numpy()
        measures["data/careless_preferences"] = share(theirs, np.ones(known.height), people, material)
    found = measures["data/careless_raters"]
    sentence = (
        f"{careless.sum()} of {len(careless)} raters with enough judgements ({found.value:.0%}, {found.low:.0%} to "
        f"{found.high:.0%}) do not look like people who read."
    )
    suspects = known.drop_nulls("reason").select("id", reason=pl.format("the rater {}", "reason"))
    return Finding(measures, sentence, _figure(tested, material), suspects)


def _read(material: Material) -> pl.DataFrame:
    """Judgements of which it is known when the rater could begin to read and when they were done."""
    known = material.interactions.select(words=_words("response"), shown="created_at", interaction="id")
    judged = material.feedback.filter(pl.col("kind").is_in(JUDGED)).drop_nulls("user")
    about = (
        judged.join(known, on="interaction")
        .join(known.rename({"interaction": "other"}), on="other", how="left", suffix="_of_other")
        .sort("created_at")
        .unique(["user", "interaction"], keep="first", maintain_order=True)
    )
    heard = about.select(
        "source",
        "group",
        "created_at",
        rater="user",
        words=pl.col("words") + pl.col("words_of_other").fill_null(0),
        shown=pl.max_horizontal("shown", "shown_of_other"),
    )
    # Feedback says more exactly when somebody judged than the pairs that were made of it.
    rest = material.preferences.drop_nulls("rater").join(heard.select("rater").unique(), on="rater", how="anti")
    # Pairs of one ranking are one judgement.
    ranked = rest.unique(["rater", "prompt", "created_at"], keep="first", maintain_order=True)
    paired = ranked.select(
        "source",
        "group",
        "created_at",
        "rater",
        words=_words("chosen") + _words("rejected"),
        shown=pl.lit(None, pl.Datetime("us", "UTC")),
    )
    # A date without a time says nothing of seconds.
    timed = pl.concat([heard, paired]).filter(pl.col("created_at").dt.time() != time()).sort("created_at")
    shown = pl.when(pl.col("shown") <= pl.col("created_at")).then("shown")
    begun = pl.max_horizontal(pl.col("created_at").shift().over("rater"), shown)
    seconds = (pl.col("created_at") - begun).dt.total_microseconds() / 1e6
    fast = (seconds < FASTEST) | (pl.col("words") > WORDS_A_SECOND * seconds)
    return _judgements(timed.with_columns(hit=fast), "too fast")


def _placed(pairs: pl.DataFrame) -> pl.DataFrame:
    """Judgements of which it is known on which side the chosen answer was, once for each side."""
    sides = [_judgements(pairs.with_columns(hit=pl.col("position") == side), "same side", side) for side in POSITIONS]
    return pl.concat(sides)


def _longer(pairs: pl.DataFrame) -> pl.DataFrame:
    """Judgements between answers of different lengths."""
    chosen, rejected = (text_of(pl.col(side)).str.len_chars() for side in ("chosen", "rejected"))
    return _judgements(pairs.with_columns(hit=pl.when(chosen != rejected).then(chosen > rejected)), "longer")


def _scored(feedback: pl.DataFrame) -> pl.DataFrame:
    """Ratings, once for each score there is."""
    rated = feedback.filter(kind="rating").with_columns(rater="user")
    scores = rated["score"].drop_nulls().unique().sort()
    if not SCORES[0] <= len(scores) <= SCORES[1]:
        scores = scores.clear()
    each = [
        _judgements(rated.with_columns(hit=pl.col("score") == score), "same score", place)
        for place, score in enumerate(scores)
    ]
    return pl.concat([pl.DataFrame(schema=COUNTED), *each])


def _words(column: str) -> pl.Expr:
    return text_of(pl.col(column)).str.count_matches(r"\S+")


def _judgements(judged: pl.DataFrame, habit: str, way: int = 0) -> pl.DataFrame:
    """How many judgements of known raters tell of a habit, and how many are a `hit`: the columns of `COUNTED`."""
    told = judged.drop_nulls(["rater", "hit"]).group_by("rater", "source", "group", maintain_order=True)
    counts = told.agg(hits=pl.col("hit").sum(), of=pl.len())
    return counts.select(pl.lit(habit).alias("habit"), pl.lit(way).alias("way"), pl.all()).cast(pl.Schema(COUNTED))


def _tested(told: pl.DataFrame) -> pl.DataFrame:
    """Whether each rater with judgements enough has each habit, in one way or another.

    Args:
        told: the columns of `COUNTED`.

    Returns:
        `rater`, `habit`, `careless`.
    """
    test = ["habit", "way", "rater"]
    tests = told.group_by(test, maintain_order=True).agg(
        pl.col("hits", "of").sum(), pl.col("source", "group").sort_by("of", descending=True).first()
    )
    for peers in PEERS:
        tests = _beside(tests, told, peers)
    tests = tests.filter(pl.col("of") >= FEWEST, pl.col("by others").is_not_null())
    if tests.is_empty():
        return tests.select("rater", "habit", careless=pl.lit(False))
    usual = tests.select(pl.max_horizontal("by others", *(f"by {peers}" for peers in PEERS if peers))).to_series()
    chance = binom.sf(tests["hits"].to_numpy() - 1, tests["of"].to_numpy(), usual.to_numpy())
    beyond = pl.Series(false_discovery_control(chance) < MISTAKEN)
    least = pl.when(pl.col("habit") == "too fast").then(MOSTLY).otherwise(ALWAYS)
    judged = tests.with_columns(careless=beyond & (pl.col("hits") >= least * pl.col("of")))
    return judged.group_by("rater", "habit", maintain_order=True).agg(pl.col("careless").any())


def _beside(tests: pl.DataFrame, told: pl.DataFrame, peers: str | None) -> pl.DataFrame:
    """Add how often the others do it, all or those of the same source or group: null where there is nobody else."""
    among = ["habit", "way", *([peers] if peers else [])]
    hits, of = pl.col("hits"), pl.col("of")
    everybody = told.group_by(among).agg(all_hits=hits.sum(), all_of=of.sum())
    own = told.group_by("rater", *among).agg(own_hits=hits.sum(), own_of=of.sum())
    # One hit and one miss more than were seen: nothing is impossible because nobody has done it yet.
    rate = (pl.col("all_hits") - pl.col("own_hits") + 1) / (pl.col("all_of") - pl.col("own_of") + 2)
    others = (
        own.join(everybody, on=among, nulls_equal=True)
        .filter(pl.col("all_of") > pl.col("own_of"))
        .select("rater", *among, rate.alias(f"by {peers or 'others'}"))
    )
    return tests.join(others, on=["rater", *among], how="left", nulls_equal=True, maintain_order="left")


def _of_raters(careless: pl.Series, material: Material) -> Estimate:
    return share(careless.to_numpy(), np.ones(len(careless)), np.arange(len(careless)), material)


def _figure(tested: pl.DataFrame, material: Material) -> Figure:
    by_habit = {habit: tested.filter(habit=habit)["careless"] for habit in HABITS}
    named = {
        f"{habit} (of {len(those)})": _of_raters(those, material) for habit, those in by_habit.items() if len(those)
    }
    return dots(named, 0.0, "share of raters with enough judgements")
