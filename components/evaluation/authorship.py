"""Which model wrote the answers of preferences, found by what was asked and answered. Knows nothing of judges."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from components.records.schemas import Interaction, empty

SIDES = ("chosen", "rejected")


def authors(preferences: pl.DataFrame, interactions: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    """Name the model behind each answer.

    Args:
        preferences: records of `Preference`; one may be there more than once.
        interactions: records of `Interaction`, in as many frames as they lie in.

    Returns:
        A row for each preference: `id`, and `chosen` and `rejected`, names of models. Null where no interaction has
        that answer to that prompt, as of an answer that its user edited, and where several models gave it. All null
        where the interactions name one model only, as there is nothing to tell apart.
    """
    keys = preferences.select("id", *(_key(side).alias(side) for side in SIDES)).unique("id")
    wrote = _wrote(interactions, pl.concat([keys[side] for side in SIDES]))
    for side in SIDES:
        named = wrote.select(pl.col("key").alias(side), pl.col("model").alias(f"{side}_model"))
        keys = keys.join(named, on=side, how="left")
    return keys.select("id", chosen="chosen_model", rejected="rejected_model")


def by_one_of_two(written: pl.DataFrame, preferences: pl.DataFrame, model: str) -> np.ndarray:
    """Which answer of each pair a model wrote, where another model wrote the other.

    Args:
        written: as `authors` returns it.
        preferences: n records of `Preference`.
        model: its name.

    Returns:
        1 chosen, -1 rejected, 0 neither, both, or nobody knows; shape (n,).
    """
    known = preferences.select("id").join(written, on="id", how="left", maintain_order="left").select(SIDES)
    chosen, rejected = (pl.col(side) == model for side in SIDES)
    return known.select((chosen.cast(pl.Int8) - rejected.cast(pl.Int8)).fill_null(0)).to_series().to_numpy()


def most_frequent(written: pl.DataFrame, preferences: pl.DataFrame) -> str | None:
    """The model that wrote most of the answers of some preferences; None where nobody knows of any.

    Args:
        written: as `authors` returns it.
        preferences: which of them count, by `id`.
    """
    counted = written.join(preferences, on="id", how="semi")
    models = pl.concat([counted[side] for side in SIDES]).drop_nulls().alias("model")
    ranked: list[str] = models.value_counts().sort("count", "model", descending=[True, False])["model"].to_list()
    return ranked[0] if ranked else None


def _wrote(interactions: Sequence[pl.LazyFrame], wanted: pl.Series) -> pl.DataFrame:
    """Each wanted `key` that one `model` alone answered."""
    held = pl.concat(
        [frame.select("prompt", "response", "model") for frame in (empty(Interaction).lazy(), *interactions)]
    )
    named = held.filter(pl.col("model").is_not_null())
    if named.select(pl.col("model").n_unique()).collect(engine="streaming").item() < 2:
        return pl.DataFrame(schema={"key": pl.UInt64, "model": pl.String})
    keyed = named.select("model", key=_key("response"))
    found = keyed.join(pl.LazyFrame({"key": wanted.unique()}), on="key", how="semi")
    by_key = found.group_by("key").agg(pl.col("model").first(), alone=pl.col("model").n_unique() == 1)
    return by_key.filter("alone").drop("alone").collect(engine="streaming")


def _key(answer: str) -> pl.Expr:
    """The same for the same answer to the same prompt."""
    return pl.struct(pl.col("prompt").hash(), pl.col(answer).alias("answer").hash()).hash()
