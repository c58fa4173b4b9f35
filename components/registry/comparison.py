"""Scorecards side by side, for a terminal."""

from rich.table import Table

from components.records.errors import BadInput
from components.records.handles import Estimate, Scorecard
from components.registry.models import POLICY
from components.registry.promotion import measured, scorecards
from components.workspace import Workspace


def comparison(workspace: Workspace, first: int | None, second: int | None) -> dict[int, Scorecard]:
    """Scorecards by version number; without numbers, the last two there are.

    Raises:
        BadInput: a version does not exist or was never measured.
    """
    named = [number for number in (first, second) if number is not None]
    if named:
        return {number: measured(workspace, number) for number in named}
    cards = scorecards(workspace)
    if not cards:
        raise BadInput("no version has a scorecard yet", "the registry", "Run `heed retrain`.")
    return dict(list(cards.items())[-2:])


def table(cards: dict[int, Scorecard]) -> Table:
    """One row a measure, one column a version."""
    shown = Table("measure", *(f"version {number}" for number in cards), title=f"{POLICY}, each against its champion")
    shown.add_row("against version", *(str(card.champion.version) for card in cards.values()))
    shown.add_row("dataset", *(card.dataset[:12] for card in cards.values()), end_section=True)
    for name in dict.fromkeys(name for card in cards.values() for name in card.measures):
        shown.add_row(name, *(_cell(card.measures.get(name)) for card in cards.values()))
    return shown


def _cell(found: Estimate | None) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]" if found else "–"
