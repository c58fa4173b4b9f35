"""Whether an answer is preferred for where it stands: position bias, https://arxiv.org/abs/2305.17926."""

import numpy as np
import polars as pl

from components.validation.dots import shares
from components.validation.finding import Finding
from components.validation.material import Material
from components.validation.pairs import enough, share, some, units

SOURCES = 8
"""Sources, the largest first, that the figure shows by themselves."""


def look(material: Material) -> Finding | None:
    """How often the answer that was shown first is the preferred one, where it is known which that was.

    Measures:
        data/first_preferred: the share of pairs in which it is the first; 0.5 where the order was drawn by lot and does
            not matter.
    """
    shown = some(material).filter(pl.col("position").is_not_null())
    unit = units(shown)
    if not enough(unit):
        return None
    first = (shown["position"] == 1).to_numpy()
    whole = share(first, np.ones(len(first)), unit, material)
    named = {"all": whole}
    sources = shown["source"].value_counts(sort=True)["source"].head(SOURCES)
    for source in sources if len(sources) > 1 else ():
        among = (shown["source"] == source).to_numpy()
        if enough(unit[among]):
            named[source] = share(first & among, among, unit, material)
    sentence = (
        f"Of two answers shown beside each other the first is preferred in {whole.value:.0%} of pairs "
        f"({whole.low:.0%} to {whole.high:.0%}); half would be even."
    )
    return Finding({"data/first_preferred": whole}, sentence, shares(named, "the first is preferred"))
