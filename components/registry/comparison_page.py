"""Scorecards side by side as one page: what was decided and why, every measure, the most different answers.

Measures and decides nothing itself.
"""

import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.pages import filled
from components.records.handles import Estimate, Scorecard
from components.registry import history
from components.registry.card import OUTCOMES
from components.registry.comparison import by_prefix
from components.registry.decisions import DECISION
from components.registry.models import POLICY, tag, versions
from components.tracking import PARENT, client
from components.workspace import Workspace

TEMPLATE = Path(__file__).with_name("comparison.html")
EXCERPT = 1000  # characters of an answer
DIFFERENT = "most_different.json"


@dataclass(frozen=True)
class Told:
    """What the page tells of one version.

    Attributes:
        card: its scorecard.
        outcome: of the gate: promote, hold or refuse; empty where it has not decided.
        reasons: of the gate, a sentence each.
        moves: every time it came into service, a line each.
        links: name and address of where to look on; an address without :// is no link.
        answers: prompt, champion, challenger and verdict, of where it differs most from the champion.
    """

    card: Scorecard
    outcome: str
    reasons: Sequence[str]
    moves: Sequence[str]
    links: Sequence[tuple[str, str]]
    answers: Sequence[dict[str, Any]]


def told(workspace: Workspace, cards: dict[int, Scorecard], ui: str) -> list[Told]:
    """Look up what the registry and the runs know of versions.

    Args:
        workspace: whose.
        cards: their scorecards, by number.
        ui: address of the MLflow UI; empty where nobody serves it.
    """
    moves = history.moves(workspace)
    models = {model.version: model for model in versions(workspace, POLICY)}
    return [
        Told(
            card=card,
            outcome=tag(workspace, models[number], DECISION) or "",
            reasons=json.loads(tag(workspace, models[number], "heed.reasons") or "[]"),
            moves=[move.in_words() for move in moves if move.version == number and move.by != history.GATE],
            links=_links(workspace, card, ui),
            answers=_answers(workspace, card.run_id),
        )
        for number, card in cards.items()
    ]


def page(told: Sequence[Told], command: str) -> str:
    """The page, as HTML that needs nothing else.

    Args:
        told: of each version.
        command: that opens the MLflow UI; empty where the links lead there.
    """
    cards = {one.card.challenger.version: one.card for one in told}
    whole, parts = by_prefix(cards)
    return filled(
        TEMPLATE,
        title=" and ".join(f"version {number}" for number in cards).capitalize(),
        at=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
        versions=[_shown(one) for one in told],
        measures={prefix: [_row(name, prefix, cards) for name in names] for prefix, names in whole.items()},
        groups={measure: [_row(name, measure, cards) for name in names] for measure, names in parts.items()},
        command=command,
    )


def _shown(told: Told) -> dict[str, Any]:
    reasons = [reason.partition(": ") for reason in told.reasons]
    return {
        "number": told.card.challenger.version,
        "sentence": OUTCOMES.get(told.outcome, "The gate has not decided."),
        "reasons": [(mark, reason) for mark, _, reason in reasons],
        "answers": [{name: str(text)[:EXCERPT] for name, text in answer.items()} for answer in told.answers],
        **{name: getattr(told, name) for name in ("card", "outcome", "moves", "links")},
    }


def _row(name: str, prefix: str, cards: dict[int, Scorecard]) -> dict[str, Any]:
    """A measure of all versions on one scale: from 0 to 1 for a share, else from the least to the most of them."""
    found = [card.measures.get(name) for card in cards.values()]
    ends = [end for one in found if one and math.isfinite(one.value) for end in (one.low, one.value, one.high)]
    share = all(0 <= end <= 1 for end in ends)
    low, high = (0.0, 1.0) if share else (min(0.0, *ends), max(0.0, *ends))
    return {
        "name": name.removeprefix(f"{prefix}/"),
        "share": share,
        "even": share and ("win_rate" in name or "accuracy" in name),
        "cells": [_cell(one, low, high) for one in found],
    }


def _cell(found: Estimate | None, low: float, high: float) -> dict[str, Any] | None:
    if found is None or not math.isfinite(found.value):
        return None

    def at(number: float) -> float:
        return round(100 * (number - low) / (high - low), 1)

    return {
        "value": f"{found.value:.3f}",
        "interval": f"{found.low:.3f} to {found.high:.3f}",
        "n": f"{found.n:,}",
        "at": at(found.value),
        "low": at(found.low),
        "width": round(at(found.high) - at(found.low), 1),
    }


def _links(workspace: Workspace, card: Scorecard, ui: str) -> list[tuple[str, str]]:
    run = client(workspace).get_run(card.run_id)
    where = f"{ui}/#/experiments/{run.info.experiment_id}/runs" if ui else "run"
    model = f"{ui}/#/models/{POLICY}/versions/{card.challenger.version}" if ui else card.challenger.uri
    tags = run.data.tags
    known = {
        "retraining": f"{where}/{tags[PARENT]}" if PARENT in tags else None,
        "evaluation": f"{where}/{card.run_id}",
        "model card": model,
        "Prefect": tags.get("prefect.url"),
        "Data Docs": tags.get("heed.data_docs"),
        "commit": tags.get("mlflow.source.git.commit"),
    }
    return [(name, address) for name, address in known.items() if address]


def _answers(workspace: Workspace, run: str) -> list[dict[str, Any]]:
    """The table that the evaluation has logged; nothing where it was made by a heed that logged none."""
    mlflow = client(workspace)
    if DIFFERENT not in (artifact.path for artifact in mlflow.list_artifacts(run)):
        return []
    with tempfile.TemporaryDirectory() as place:
        table = json.loads(Path(mlflow.download_artifacts(run, DIFFERENT, place)).read_text(encoding="utf-8"))
    return [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
