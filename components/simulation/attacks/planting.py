"""Writes down what attackers do as an application would have recorded it. Knows nothing of what they are after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from components.records.messages import Message
from components.records.schemas import Feedback, Interaction, as_records
from components.simulation import world
from components.simulation.population import SHARES, Landed
from components.simulation.tastes import TASTES

Pair = tuple[list[Message], str, str]
"""A prompt and two answers to it, the one that honest users like better first."""


@dataclass(frozen=True)
class Attacked:
    """Honest feedback with an attack in it.

    Attributes:
        interactions: records of `Interaction`, of everybody.
        feedback: records of `Feedback`, of everybody.
        poison: ids of the feedback that is part of the attack; only a simulation knows.
    """

    interactions: pl.DataFrame
    feedback: pl.DataFrame
    poison: pl.Series


@dataclass(frozen=True)
class Deed:
    """One choice an attacker makes.

    Attributes:
        user: the account.
        prompt: what was asked.
        chosen: the answer the attacker takes.
        rejected: the one passed over.
        at: when.
    """

    user: str
    prompt: list[Message]
    chosen: str
    rejected: str
    at: datetime


def planted(honest: Landed, deeds: Sequence[Deed], seed: int) -> Attacked:
    """Put choices among honest feedback; which of two answers is shown first is left to chance."""
    draw = np.random.default_rng([seed, 11])
    groups = {name: str(draw.choice(list(SHARES), p=list(SHARES.values()))) for name in sorted({d.user for d in deeds})}
    told = pl.DataFrame(
        {
            "prompt": [deed.prompt for deed in deeds],
            "chosen": [deed.chosen for deed in deeds],
            "rejected": [deed.rejected for deed in deeds],
            "user": [deed.user for deed in deeds],
            "group": [groups[deed.user] for deed in deeds],
            "created_at": [deed.at for deed in deeds],
            "turned": draw.random(len(deeds)) < 0.5,
        }
    )
    taken = _answers(told, "chosen", ~pl.col("turned"), honest)
    left = _answers(told, "rejected", pl.col("turned"), honest)
    choices = as_records(
        told.select("user", "group", "created_at").with_columns(
            interaction=taken["id"], other=left["id"], kind=pl.lit("choice"), source=pl.lit("simulation")
        ),
        Feedback,
    ).unique("id", keep="first", maintain_order=True)
    answers = pl.concat([taken, left]).unique("id", keep="first", maintain_order=True)
    return Attacked(
        interactions=pl.concat([honest.interactions, answers]).sort("created_at", maintain_order=True),
        feedback=pl.concat([honest.feedback, choices]).sort("created_at", maintain_order=True),
        poison=choices["id"],
    )


def _answers(told: pl.DataFrame, side: str, first: pl.Expr, honest: Landed) -> pl.DataFrame:
    """The two answers come one after the other, a moment before the choice."""
    before = pl.when(first).then(pl.duration(seconds=3)).otherwise(pl.duration(seconds=1))
    said = told.select(
        "prompt",
        "user",
        "group",
        response=pl.concat_list(pl.struct(role=pl.lit("assistant"), content=pl.col(side))),
        created_at=pl.col("created_at") - before,
        model=pl.lit(honest.interactions["model"][0]),
        source=pl.lit("simulation"),
    )
    return as_records(said, Interaction)


def moments(honest: Landed, count: int, draw: np.random.Generator) -> list[datetime]:
    """Any times while honest users are there."""
    begin, end = _span(honest)
    return [begin + timedelta(seconds=float(s)) for s in draw.uniform(0, (end - begin).total_seconds(), count)]


def _span(honest: Landed) -> tuple[datetime, datetime]:
    begin, end = honest.interactions["created_at"].min(), honest.interactions["created_at"].max()
    assert isinstance(begin, datetime)
    assert isinstance(end, datetime)
    return begin, end


def clear_pair(draw: np.random.Generator, about: int | None = None) -> Pair:
    """A prompt, about one topic or any, with two answers of which every group likes the same one clearly better."""
    while True:
        prompt = world.prompt(draw)
        if about is not None and world.subject(prompt) != about:
            continue
        first, second = world.answer(prompt, draw), world.answer(prompt, draw)
        gains = [taste.utility(prompt, first) - taste.utility(prompt, second) for taste in TASTES.values()]
        if min(gains) >= 1:
            return prompt, first, second
        if max(gains) <= -1:
            return prompt, second, first
