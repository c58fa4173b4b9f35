"""Whether an answer is preferred for its form: lists, headings, bold, code, emoji, links. Reads Markdown.

Form follows length: `explained` tells the two apart. https://arxiv.org/abs/2409.11704
"""

from components.phrases import FORMS
from components.validation.dots import shares
from components.validation.finding import Finding
from components.validation.material import Material
from components.validation.pairs import answers, some, units, where_only_one


def look(material: Material) -> Finding | None:
    """How often the answer with a form is preferred where the other has none of it.

    Measures:
        data/list_preferred, data/heading_preferred, … one for each of `FORMS` that enough pairs have on one side only;
        the one most surely far from even first.
    """
    pairs = some(material)
    unit = units(pairs)
    sides = [answers(pairs, side) for side in ("chosen", "rejected")]
    found = {}
    for form, pattern in FORMS.items():
        chosen, rejected = (side.str.contains(pattern).to_numpy() for side in sides)
        preferred = where_only_one(chosen, rejected, unit, material)
        if preferred is not None:
            found[form] = preferred
    if not found:
        return None
    ordered = dict(sorted(found.items(), key=lambda named: min(named[1].high, 1 - named[1].low)))
    first, preferred = next(iter(ordered.items()))
    sentence = (
        f"Where only one of two answers has a form, form matters most for {first}: the answer with it is preferred in "
        f"{preferred.value:.0%} of pairs ({preferred.low:.0%} to {preferred.high:.0%})."
    )
    measures = {f"data/{form}_preferred": each for form, each in ordered.items()}
    return Finding(measures, sentence, shares(ordered, "preferred where only one answer has it"))
