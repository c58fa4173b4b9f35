"""Batches of simulated pairs, with attacks in them whose truth is known."""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest

from components.config import Settings
from components.feedback.signals import appoint, detect
from components.preferences.building import build
from components.simulation.attacks import ATTACKS
from components.simulation.population import Landed, scripted, talk
from components.validation.material import Material
from components.workspace import Workspace

CONVERSATIONS = 1200
EVERY = {"burst": (15, 375), "look-alikes": (20, 120), "copies": (3, 12), "phrase": (3, 12), "flip": (4, 24)}
EVERY |= {"instructions": (3, 12)}
LONE = {"copies": (12, 12), "phrase": (12, 12), "flip": (20, 20), "instructions": (12, 12)}


@dataclass(frozen=True)
class Batch:
    """What is judged: all pairs, those too that building doubts; and the ids of those that each attack made."""

    material: Material
    poison: dict[str, set[str]]

    @property
    def honest(self) -> int:
        return self.material.preferences.height - sum(len(ids) for ids in self.poison.values())

    def after(self, accepted: pl.DataFrame) -> "Batch":
        return replace(self, material=replace(self.material, accepted=accepted))


def batch(conversations: int, seed: int, attacks: dict[str, tuple[int, int]]) -> Batch:
    """Honest conversations with attacks among them, each by so many accounts with so many choices."""
    landed = talk(scripted(seed), "scripted", conversations, seed)
    theirs = {}
    for kind, (accounts, choices) in attacks.items():
        found = ATTACKS[kind](landed, [f"{kind}-{number}" for number in range(accounts)], choices, seed)
        landed, theirs[kind] = Landed(found.interactions, found.feedback, landed.meant), found.poison
    signals = detect(landed.feedback, landed.interactions, appoint(["explicit"], Workspace(Path(), Settings())))
    made = build(landed.feedback, landed.interactions, signals)
    pairs = pl.concat([made.preferences, made.doubted.select(made.preferences.columns)])
    of = signals.select(signal="id", feedback="feedback")
    sources = pairs.select("id", signal="provenance").explode("signal").join(of, on="signal")
    poison = {kind: set(sources.filter(pl.col("feedback").is_in(ids.implode()))["id"]) for kind, ids in theirs.items()}
    return Batch(Material(pairs, landed.interactions, landed.feedback), poison)


@pytest.fixture(scope="session")
def accepted() -> pl.DataFrame:
    return batch(CONVERSATIONS, 1000, {}).material.preferences


@pytest.fixture(scope="session")
def attacked() -> Batch:
    """Every attack at once, each by accounts that make several choices."""
    return batch(CONVERSATIONS, 1, EVERY)


@pytest.fixture(scope="session")
def attacked_by_lone(accepted: pl.DataFrame) -> Batch:
    """Attackers who make one choice an account, after a version was accepted in which they are not."""
    return batch(CONVERSATIONS, 2, LONE).after(accepted)


@pytest.fixture(scope="session")
def small_honest() -> list[Batch]:
    return [batch(250, seed, {}) for seed in range(3)]
