"""What is wrong with a dataset as a whole. Changes nothing, and knows nothing of what is done about it.

An audit is one file beside this one and one line in AUDITS. Its `look` takes the material and returns a finding, or
None where there is nothing for it to look at, as the agreement of raters where nobody rated what somebody else did.
"""

from collections.abc import Callable

from components.validation.audits import (
    agreement,
    careless,
    concentration,
    contradictions,
    divided,
    drift,
    explained,
    form,
    groups,
    length,
    noise,
    position,
    refusal,
    sycophancy,
)
from components.validation.finding import Finding
from components.validation.material import Material

Audit = Callable[[Material], Finding | None]

AUDITS: dict[str, Audit] = {
    "length": length.look,
    "position": position.look,
    "form": form.look,
    "refusal": refusal.look,
    "sycophancy": sycophancy.look,
    "explained": explained.look,
    "groups": groups.look,
    "divided": divided.look,
    "agreement": agreement.look,
    "careless": careless.look,
    "contradictions": contradictions.look,
    "noise": noise.look,
    "concentration": concentration.look,
    "drift": drift.look,
}


def audit(material: Material) -> dict[str, Finding]:
    """Everything that all audits find, by the name of the audit."""
    found = {name: look(material) for name, look in AUDITS.items()}
    return {name: finding for name, finding in found.items() if finding is not None}
