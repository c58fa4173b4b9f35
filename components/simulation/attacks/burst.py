"""Each account makes its choices one after the other within minutes, without reading: always the worse answer."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from components.simulation.attacks.planting import Attacked, Deed, clear_pair, moments, planted
from components.simulation.population import Landed

BETWEEN = 7.0  # seconds between two choices, in the mean


def attack(honest: Landed, accounts: Sequence[str], choices: int, seed: int) -> Attacked:
    """Flood: see the head of this file.

    Args:
        honest: what honest users left.
        accounts: who attacks; they share the choices evenly.
        choices: how many there are.
        seed: of everything left to chance.
    """
    draw = np.random.default_rng([seed, 20])
    deeds = []
    for account, begin, share in zip(
        accounts, moments(honest, len(accounts), draw), np.array_split(np.arange(choices), len(accounts)), strict=True
    ):
        passed = np.cumsum(draw.exponential(BETWEEN, len(share)))
        for seconds in passed:
            prompt, better, worse = clear_pair(draw)
            deeds.append(Deed(account, prompt, worse, better, begin + timedelta(seconds=float(seconds))))
    return planted(honest, deeds, seed)
