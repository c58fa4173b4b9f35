"""The command for whoever tries a version on some of the users: how it does, and what follows from that."""

from typing import TYPE_CHECKING

import typer

from flows.engine import prefect
from flows.terminal import GATE_SAID_NO, Json, Overrides, Place, opened, say

if TYPE_CHECKING:
    from flows.canary import Look

CAME_TO = {
    "wait": "It stays where it is.",
    "next step": "It goes on to the next step.",
    "promote": "It is the champion now.",
    "roll back": "It was rolled back: the champion answers everybody again.",
}


def canary(place: Place = None, overrides: Overrides = None, as_json: Json = False) -> None:
    """What users make of the version that some of them get; more get it, or nobody does, if that is beyond doubt."""
    workspace = opened(place, overrides)
    with prefect(workspace, "flows.canary"):
        from flows.canary import look

        found = look(workspace)
    say(as_json, found.model_dump(mode="json"), _in_words(found))
    if found.outcome == "roll back":
        raise typer.Exit(GATE_SAID_NO)


def _in_words(found: "Look") -> str:
    if not found.canary:
        return "Nothing is tried: the champion answers everybody."
    lines = [f"{found.canary.in_words()}."]
    lines += [
        f"  {name} {estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}] of {estimate.n} users"
        for name, estimate in found.measures.items()
    ]
    return "\n".join([*lines, *(f"  - {reason}" for reason in found.reasons), CAME_TO[found.outcome]])
