"""The model card: one page of Markdown that tells a model's story. Knows nothing of where it is kept."""

from pathlib import Path

from jinja2 import TemplateError

from components.pages import filled
from components.records.errors import BadInput
from components.records.handles import Decision, Scorecard
from components.workspace import Workspace

DEFAULT_CARD = Path(__file__).parents[2] / "mlflow" / "card.md"

OUTCOMES = {
    "promote": "Promoted: it is measurably better than the champion and goes into service.",
    "try": "It is measurably better than the champion, and some users get it first.",
    "ask": "It is measurably better than the champion, and goes into service when a person agrees.",
    "hold": "Held: the champion stays for now.",
    "refuse": "Refused: the champion stays.",
}


def template_of(workspace: Workspace) -> Path:
    """The workspace's own template of the card, or the one that heed brings."""
    return workspace.card_file if workspace.card_file.exists() else DEFAULT_CARD


def model_card(scorecard: Scorecard, decision: Decision, template: Path = DEFAULT_CARD) -> str:
    """Which model this is, what it learned from, how it measures up, what the gate said, and how to load it.

    Args:
        scorecard: of the model as challenger.
        decision: of the gate on that scorecard.
        template: of the card.

    Returns:
        Markdown.

    Raises:
        BadInput: the template is no template, or asks for something there is not.
    """
    measures = [
        # a group is named by whoever sent the feedback, and a bar in its name would end the cell
        {"name": name.replace("|", "\\|"), **estimate.model_dump()}
        for name, estimate in scorecard.measures.items()
    ]
    try:
        return filled(
            template, scorecard=scorecard, decision=decision, outcome=OUTCOMES[decision.outcome], measures=measures
        )
    except TemplateError as error:
        fix = f"Mend it, or start again from {DEFAULT_CARD}."
        raise BadInput(f"the card cannot be written: {error.message}", template, fix) from None
