"""Whether refusing to answer is preferred to answering, or the other way round. Knows nothing of what was asked."""

from components.phrases import REFUSES, opening, says
from components.validation.dots import shares
from components.validation.finding import Finding
from components.validation.material import Material
from components.validation.pairs import answers, some, units, where_only_one


def look(material: Material) -> Finding | None:
    """How often the refusal is preferred where one of the two answers is one, in whichever of several languages.

    Measures:
        data/refusal_preferred: the share of those pairs in which it is.
    """
    pairs = some(material)
    chosen, rejected = (says(opening(answers(pairs, side)), REFUSES).to_numpy() for side in ("chosen", "rejected"))
    found = where_only_one(chosen, rejected, units(pairs), material)
    if found is None:
        return None
    sentence = (
        f"Where one of two answers refuses to help, the refusal is preferred in {found.value:.0%} of pairs "
        f"({found.low:.0%} to {found.high:.0%})."
    )
    return Finding(
        {"data/refusal_preferred": found}, sentence, shares({"refuses": found}, "preferred where only one refuses")
    )
