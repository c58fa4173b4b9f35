"""Who tries to steer the model: finds pairs that somebody brought in to push it somewhere. Removes nothing.

A defence is one file beside this one and one line in DEFENCES. Its `suspect` takes the material and returns pairs to
hold for a person, with the columns of `SUSPECTS`: ids of preferences, and why.
"""

from collections.abc import Callable

import polars as pl

from components.validation.defences import burst, copies, flip, instructions, phrase
from components.validation.finding import SUSPECTS
from components.validation.material import Material

Defence = Callable[[Material], pl.DataFrame]

DEFENCES: dict[str, Defence] = {
    "burst": burst.suspect,
    "copies": copies.suspect,
    "phrase": phrase.suspect,
    "flip": flip.suspect,
    "instructions": instructions.suspect,
}


def suspects(material: Material) -> pl.DataFrame:
    """All pairs that some defence would hold: `id`, `reason`, one row a pair, its reasons joined."""
    found = pl.concat([pl.DataFrame(schema=SUSPECTS), *(suspect(material) for suspect in DEFENCES.values())])
    return found.group_by("id", maintain_order=True).agg(pl.col("reason").unique(maintain_order=True).str.join("; "))
