"""Moves the aliases, and writes down why. Knows nothing of what a scorecard measures."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from components import journal
from components.records.errors import BadInput
from components.records.handles import Decision, Estimate, ModelVersion, Scorecard
from components.registry import history
from components.registry.models import CHALLENGER, CHAMPION, POLICY, at_alias, versions
from components.tracking import client
from components.workspace import Workspace

SUCCEEDED, BEGUN, DECISION, TOLD = "heed.succeeded", "heed.begun", "heed.decision", "heed.told"
LOOKS = "heed.looks."  # and the number of a champion: the inputs of every decision on a version beside it


def challenge(workspace: Workspace, challenger: ModelVersion) -> None:
    """Make a version the challenger."""
    client(workspace).set_registered_model_alias(challenger.name, CHALLENGER, str(challenger.version))


@contextmanager
def deciding(workspace: Workspace) -> Iterator[None]:
    """Nobody else on this machine changes the champion until the block ends.

    Raises:
        BadInput: somebody does, for as long as a minute.
    """
    with workspace.lock("deciding", "changing the champion", wait=60):
        yield


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
    found = (model for model in versions(workspace, POLICY) if tag(workspace, model, BEGUN) == inputs)
    model = next(found, None)
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
    journal.tell("promotion", "decide", outcome=decision.outcome, model=_told(model), dataset=model.dataset)


def decided(workspace: Workspace, inputs: str) -> ModelVersion | None:
    """The challenger that was decided on for these inputs, None where the work is still to do."""
    return next(
        (model for model in versions(workspace, POLICY) if tag(workspace, model, "heed.inputs") == inputs), None
    )


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


def tag(workspace: Workspace, model: ModelVersion, key: str) -> str | None:
    """What is written on a version under a key."""
    value: str | None = client(workspace).get_model_version(model.name, str(model.version)).tags.get(key)
    return value


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


def remeasure(
    workspace: Workspace,
    model: ModelVersion,
    names: Collection[str],
    measures: Mapping[str, Estimate],
    card: Callable[[Scorecard, Decision], str],
) -> Scorecard:
    """Put measures that were made later into the scorecard and the model card kept on a version.

    Args:
        model: it has a scorecard.
        names: of all such measures; what the scorecard has of them goes.
        measures: that come in their place.
        card: writes the model card, Markdown.

    Returns:
        The scorecard as it is now.
    """
    before = scorecard_of(workspace, model)
    assert before
    others = {name: found for name, found in before.measures.items() if name not in names}
    scorecard = before.model_copy(update={"measures": others | dict(measures)})
    if scorecard != before:
        mlflow = client(workspace)
        mlflow.set_model_version_tag(model.name, str(model.version), "heed.scorecard", scorecard.model_dump_json())
        if decision := decision_of(workspace, model):
            mlflow.update_model_version(model.name, str(model.version), description=card(scorecard, decision))
        journal.tell("promotion", "remeasure", model=_told(model), run=scorecard.run_id, measures=len(measures))
    return scorecard


def promote(
    workspace: Workspace, model: ModelVersion, reason: str, by: str | None = None, scorecard: str | None = None
) -> None:
    """Make a version the champion, and remember which one it succeeds.

    Args:
        reason: why, for whoever asks later.
        by: who says so; None for the person at the keyboard.
        scorecard: the MLflow run of the scorecard that it was decided by.
    """
    mlflow = client(workspace)
    champion = at_alias(workspace, model.name, CHAMPION)
    if champion and champion.version == model.version:
        return
    note = {
        "heed.promoted_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "heed.promoted_because": reason,
        **({SUCCEEDED: str(champion.version)} if champion else {}),
    }
    for key, value in note.items():
        mlflow.set_model_version_tag(model.name, str(model.version), key, value)
    history.note(workspace, "promote", model, champion, reason, by, scorecard)
    mlflow.set_registered_model_alias(model.name, CHAMPION, str(model.version))
    before = _told(champion) if champion else None
    journal.tell("promotion", "promote", model=_told(model), before=before, dataset=model.dataset, run=model.run_id)


def version_named(workspace: Workspace, number: int) -> ModelVersion:
    """The policy version with a number.

    Raises:
        BadInput: there is none.
    """
    known = versions(workspace, POLICY)
    found = next((model for model in known if model.version == number), None)
    if not found:
        have = ", ".join(str(model.version) for model in reversed(known)) or "none yet"
        raise BadInput(f"{POLICY} has no version {number}", "the registry", f"The versions are: {have}.")
    return found


def rollback(workspace: Workspace, reason: str, by: str | None = None) -> tuple[ModelVersion, ModelVersion]:
    """Give the champion's place back to the version it succeeded.

    Args:
        reason: why, for whoever asks later.
        by: who says so; None for the person at the keyboard.

    Returns:
        The version that had the place, and the one that has it now.

    Raises:
        BadInput: there is no champion, or it is the first one.
    """
    champion = at_alias(workspace, POLICY, CHAMPION)
    if not champion:
        raise BadInput("there is no champion", "the registry", "Run `heed retrain` first.")
    before = tag(workspace, champion, SUCCEEDED)
    if not before:
        raise BadInput(f"version {champion.version} is the first champion", "the registry", "There is none before it.")
    previous = version_named(workspace, int(before))
    mlflow = client(workspace)
    mlflow.set_model_version_tag(POLICY, str(champion.version), "heed.rolled_back_because", reason)
    history.note(workspace, "roll back", previous, champion, reason, by)
    mlflow.set_registered_model_alias(POLICY, CHAMPION, str(previous.version))
    journal.tell("promotion", "roll back", model=_told(previous), before=_told(champion))
    return champion, previous


def _told(model: ModelVersion) -> str:
    """As the journal names it."""
    return f"{model.name}/{model.version}"
