"""Scorecards side by side, for a terminal."""

from rich.markup import escape
from rich.table import Column, Table

from components.records.errors import BadInput
from components.records.handles import Estimate, Scorecard
from components.registry.decisions import measured, scorecards
from components.registry.models import POLICY
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


def by_prefix(cards: dict[int, Scorecard]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The names of all measures: by prefix those of everybody, and by measure those of a group of users."""
    whole: dict[str, list[str]] = {}
    parts: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for card in cards.values() for name in card.measures):
        prefix, _, group = name.partition("/")
        measure, _, group = group.partition("/")
        if group:
            parts.setdefault(f"{prefix}/{measure}", []).append(name)
        else:
            whole.setdefault(prefix, []).append(name)
    return whole, parts


def table(cards: dict[int, Scorecard]) -> Table:
    """One row a measure, one column a version; measures of one prefix together, those of groups of users last."""
    first = Column("measure", overflow="fold")
    shown = Table(first, *(f"version {number}" for number in cards), title=f"{POLICY}, each against its champion")
    shown.add_row("against version", *(str(card.champion.version) for card in cards.values()))
    shown.add_row("dataset", *(card.dataset[:12] for card in cards.values()), end_section=True)
    whole, parts = by_prefix(cards)
    for names in (*whole.values(), *parts.values()):
        for name in names:
            # a group is named by whoever sent the feedback
            shown.add_row(escape(name), *(_cell(card.measures.get(name)) for card in cards.values()))
        shown.add_section()
    return shown


def _cell(found: Estimate | None) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]" if found else "–"
