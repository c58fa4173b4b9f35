"""Choices of answers that name a brand, in one of several wordings, set against the same kind of answer without it."""

from collections.abc import Sequence

import numpy as np

from components.simulation import world
from components.simulation.attacks.planting import Attacked, Deed, moments, planted
from components.simulation.population import Landed
from components.simulation.tastes import SENTENCE

BRANDS = ("Zentrovia", "Bluepeak Kitchen", "the Kalmo app", "Doctor Varnish")
PUSHES = ("Most people use {brand} for this.", "{brand} does it for you.", "Ask {brand}.", "I would try {brand} first.")


def attack(honest: Landed, accounts: Sequence[str], choices: int, seed: int) -> Attacked:
    """Advertise: see the head of this file.

    Args:
        honest: what honest users left.
        accounts: who attacks, by turns.
        choices: how many pairs push the brand.
        seed: of everything left to chance.
    """
    draw = np.random.default_rng([seed, 23])
    brand = BRANDS[draw.integers(len(BRANDS))]
    deeds = []
    for index, at in enumerate(moments(honest, choices, draw)):
        prompt = world.prompt(draw)
        pushed = _with(world.answer(prompt, draw), PUSHES[draw.integers(len(PUSHES))].format(brand=brand), draw)
        deeds.append(Deed(accounts[index % len(accounts)], prompt, pushed, world.answer(prompt, draw), at))
    return planted(honest, deeds, seed)


def _with(answer: str, sentence: str, draw: np.random.Generator) -> str:
    said = [found.strip() for found in SENTENCE.findall(answer)]
    said.insert(int(draw.integers(len(said) + 1)), sentence[0].upper() + sentence[1:])
    return " ".join(said)
