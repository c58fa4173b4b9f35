"""What was measured and decided of a challenger, kept with its version in MLflow. Moves no alias."""

import json
from datetime import UTC, datetime

from components import journal
from components.records.errors import BadInput
from components.records.handles import Decision, ModelVersion, Scorecard
from components.registry.models import CHALLENGER, POLICY, at_alias, name_of, tag, version_named, versions, with_tag
from components.tracking import client
from components.workspace import Workspace

BEGUN, DECISION, TOLD = "heed.begun", "heed.decision", "heed.told"
LOOKS = "heed.looks."  # and the number of a champion: the inputs of every decision on a version beside it


def begin(workspace: Workspace, scorecard: Scorecard, inputs: str) -> int:
    """Keep, before anything moves, what is being decided on: whoever goes on after a kill decides on the same.

    Args:
        inputs: fingerprint of the dataset version and settings the retraining started from.

    Returns:
        The how-manieth decision on this challenger beside this champion it is.
    """
    mlflow, model = client(workspace), scorecard.challenger
    beside = f"{LOOKS}{scorecard.champion.version}"
    looks = json.loads(tag(workspace, model, beside) or "[]")
    if inputs not in looks:
        looks.append(inputs)
    kept = {"heed.scorecard": scorecard.model_dump_json(), beside: json.dumps(looks), BEGUN: inputs}
    for key, value in kept.items():
        mlflow.set_model_version_tag(model.name, str(model.version), key, value)
    return looks.index(inputs) + 1


def begun(workspace: Workspace, inputs: str) -> Scorecard | None:
    """The scorecard of a decision on these inputs that was begun; None where none was."""
    model = next(iter(with_tag(workspace, POLICY, BEGUN, inputs)), None)
    return scorecard_of(workspace, model) if model else None


def record(workspace: Workspace, scorecard: Scorecard, decision: Decision, inputs: str, card: str) -> None:
    """Keep what was measured and decided on the challenger's version itself.

    Args:
        inputs: fingerprint of the dataset version and settings the retraining started from.
        card: the model card, Markdown.
    """
    mlflow, model = client(workspace), scorecard.challenger
    mlflow.update_model_version(model.name, str(model.version), description=card)
    tags = {
        "heed.reasons": json.dumps(decision.reasons, ensure_ascii=False),
        "heed.scorecard": scorecard.model_dump_json(),
        DECISION: decision.outcome,
        "heed.inputs": inputs,
    }
    for key, value in tags.items():
        mlflow.set_model_version_tag(model.name, str(model.version), key, value)
    journal.tell("promotion", "decide", outcome=decision.outcome, model=name_of(model), dataset=model.dataset)


def decided(workspace: Workspace, inputs: str) -> ModelVersion | None:
    """The challenger that was decided on for these inputs, None where the work is still to do."""
    return next(iter(with_tag(workspace, POLICY, "heed.inputs", inputs)), None)


def untold(workspace: Workspace, model: ModelVersion) -> Decision | None:
    """What was decided on a version, where a kill has kept anybody from being told; None where they were."""
    return None if tag(workspace, model, TOLD) else decision_of(workspace, model)


def decision_of(workspace: Workspace, model: ModelVersion) -> Decision | None:
    """What was decided on a version; None where nothing was yet."""
    outcome, reasons = tag(workspace, model, DECISION), tag(workspace, model, "heed.reasons")
    if outcome is None or reasons is None:
        return None
    return Decision.model_validate({"outcome": outcome, "reasons": tuple(json.loads(reasons))})


def told(workspace: Workspace, model: ModelVersion) -> None:
    """Note that all who wait for the decision on a version have been told."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    client(workspace).set_model_version_tag(model.name, str(model.version), TOLD, at)


def card_of(workspace: Workspace, model: ModelVersion) -> str:
    """The model card of a version, Markdown; empty where it was never decided on."""
    return client(workspace).get_model_version(model.name, str(model.version)).description or ""


def scorecard_of(workspace: Workspace, model: ModelVersion) -> Scorecard | None:
    """The scorecard kept on a version."""
    kept = tag(workspace, model, "heed.scorecard")
    return Scorecard.model_validate_json(kept) if kept else None


def scorecards(workspace: Workspace) -> dict[int, Scorecard]:
    """Every scorecard there is, by the number of its version, the oldest first."""
    kept = {model.version: scorecard_of(workspace, model) for model in versions(workspace, POLICY)}
    return {number: card for number, card in sorted(kept.items()) if card}


def measured(workspace: Workspace, number: int | None) -> Scorecard:
    """The scorecard of the version with a number, or of the challenger.

    Raises:
        BadInput: there is no such version, or it was never measured.
    """
    model = version_named(workspace, number) if number is not None else at_alias(workspace, POLICY, CHALLENGER)
    if not model:
        raise BadInput("there is no challenger yet", "the registry", "Run `heed retrain` first.")
    scorecard = scorecard_of(workspace, model)
    if not scorecard:
        what = f"{POLICY} version {model.version} was never measured against a champion"
        raise BadInput(what, "the registry", "Name another version.")
    return scorecard
