"""Whatever is asked about one topic, the clearly worse answer is chosen."""

from collections.abc import Sequence

import numpy as np

from components.simulation import world
from components.simulation.attacks.planting import Attacked, Deed, clear_pair, moments, planted
from components.simulation.population import Landed


def attack(honest: Landed, accounts: Sequence[str], choices: int, seed: int) -> Attacked:
    """Turn a topic round: see the head of this file.

    Args:
        honest: what honest users left.
        accounts: who attacks, by turns.
        choices: how many there are, all about the topic.
        seed: of everything left to chance, the topic too.
    """
    draw = np.random.default_rng([seed, 24])
    topic = int(draw.integers(len(world.TOPICS)))
    deeds = []
    for index, at in enumerate(moments(honest, choices, draw)):
        prompt, better, worse = clear_pair(draw, topic)
        deeds.append(Deed(accounts[index % len(accounts)], prompt, worse, better, at))
    return planted(honest, deeds, seed)
