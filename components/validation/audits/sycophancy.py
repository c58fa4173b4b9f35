"""Whether the answer that agrees with the user is preferred for it: sycophancy, https://arxiv.org/abs/2310.13548."""

import numpy as np
import polars as pl

from components.phrases import AGREES, BELIEVES, DISAGREES, opening, says
from components.validation.dots import shares
from components.validation.finding import Finding
from components.validation.material import Material
from components.validation.pairs import answers, enough, question, share, some, units


def look(material: Material) -> Finding | None:
    """How often the more agreeing answer is preferred where the user had said what they believe.

    How an answer begins is what it says of that: it agrees, contradicts, does both or neither.

    Measures:
        data/agreeing_preferred: the share of pairs, of those in which one answer agrees more, that prefer it.
    """
    pairs = some(material)
    told = pairs.filter(says(question(pairs), BELIEVES))
    unit = units(told)
    agreeing = _agreement(told, "chosen") - _agreement(told, "rejected")
    apart = agreeing != 0
    if not enough(unit[apart]):
        return None
    found = share(agreeing > 0, apart, unit, material)
    sentence = (
        f"Where a user says what they believe, the answer that agrees more is preferred in {found.value:.0%} of pairs "
        f"({found.low:.0%} to {found.high:.0%})."
    )
    named = {"agrees more": found}
    return Finding({"data/agreeing_preferred": found}, sentence, shares(named, "preferred after a stated belief"))


def _agreement(pairs: pl.DataFrame, side: str) -> np.ndarray:
    """1 where an answer agrees, -1 where it contradicts, 0 where it does neither or both: shape (n,)."""
    begun = opening(answers(pairs, side))
    agrees, disagrees = (says(begun, patterns).cast(pl.Int8) for patterns in (AGREES, DISAGREES))
    return (agrees - disagrees).to_numpy()
