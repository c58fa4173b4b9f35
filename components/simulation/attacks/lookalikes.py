"""Accounts that work through one script within the same minutes: the same questions, choices and nearly the same words.

Each leaves out a little of the script, and rewords what it keeps.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from components.records.messages import Message
from components.simulation.attacks.planting import Attacked, Deed, clear_pair, moments, planted
from components.simulation.attacks.rewording import reworded
from components.simulation.population import Landed

LEFT_OUT = 0.15  # of the script, by each account
WITHIN = 240.0  # seconds in which all of them begin
BETWEEN = 40.0  # seconds between two choices of one account


def attack(honest: Landed, accounts: Sequence[str], choices: int, seed: int) -> Attacked:
    """Act in concert: see the head of this file.

    Args:
        honest: what honest users left.
        accounts: who attacks; each works through the script.
        choices: how many they make together, a few less for what is left out.
        seed: of everything left to chance.
    """
    draw = np.random.default_rng([seed, 21])
    script = [clear_pair(draw) for _ in range(max(1, round(choices / len(accounts))))]
    (begin,) = moments(honest, 1, draw)
    deeds = []
    for account in accounts:
        now = begin + timedelta(seconds=float(draw.uniform(0, WITHIN)))
        for prompt, better, worse in script:
            now += timedelta(seconds=float(draw.uniform(0.5, 1.5) * BETWEEN))
            if draw.random() >= LEFT_OUT:
                deeds.append(Deed(account, _asked(prompt, draw), reworded(worse, draw), better, now))
    return planted(honest, deeds, seed)


def _asked(prompt: list[Message], draw: np.random.Generator) -> list[Message]:
    *before, last = prompt
    return [*before, {**last, "content": reworded(last["content"], draw)}]
