"""People who lie on purpose: what they leave among honest feedback, and which of it is theirs.

An attack is one file beside this one and one line in ATTACKS. It takes what honest users left, the names of the
accounts it acts through (fresh ones or those of honest users), how many choices it makes and a seed, and gives back
everything together. Knows nothing of how attacks are found.
"""

from collections.abc import Callable, Sequence

from components.simulation.attacks import burst, copies, flip, instructions, lookalikes, phrase
from components.simulation.attacks.planting import Attacked
from components.simulation.population import Landed

Attack = Callable[[Landed, Sequence[str], int, int], Attacked]

ATTACKS: dict[str, Attack] = {
    "burst": burst.attack,
    "look-alikes": lookalikes.attack,
    "copies": copies.attack,
    "phrase": phrase.attack,
    "flip": flip.attack,
    "instructions": instructions.attack,
}

__all__ = ["ATTACKS", "Attack", "Attacked"]
