"""One pair handed in again and again, each time with small edits, at any time of the day."""

from collections.abc import Sequence

import numpy as np

from components.simulation.attacks.planting import Attacked, Deed, clear_pair, moments, planted
from components.simulation.attacks.rewording import reworded
from components.simulation.population import Landed


def attack(honest: Landed, accounts: Sequence[str], choices: int, seed: int) -> Attacked:
    """Repeat: see the head of this file.

    Args:
        honest: what honest users left.
        accounts: who attacks, by turns.
        choices: how many copies there are.
        seed: of everything left to chance.
    """
    draw = np.random.default_rng([seed, 22])
    prompt, better, worse = clear_pair(draw)
    *before, last = prompt
    deeds = [
        Deed(
            accounts[index % len(accounts)],
            [*before, {**last, "content": reworded(last["content"], draw)}],
            reworded(worse, draw),
            reworded(better, draw),
            at,
        )
        for index, at in enumerate(moments(honest, choices, draw))
    ]
    return planted(honest, deeds, seed)
