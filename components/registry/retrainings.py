"""Each retraining as one MLflow run that the runs of its stages stand below: begun before them, told how it ended.

Knows nothing of what is done in between. Only one retraining is done at a time.
"""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from components.records.handles import DatasetVersion, Decision, Scorecard
from components.registry.card import OUTCOMES
from components.registry.models import POLICY
from components.tracking import RETRAINING, client, experiment, known, tags_of
from components.workspace import Workspace

ENDS = {
    "promote": "promoted version {}",
    "ask": "asked about version {}",
    "hold": "held version {}",
    "refuse": "refused version {}",
}
"""What the name of a run says of how it ended; of others it says the outcome itself."""

STOPPED = {
    "data held": "The data gate holds the data for a person: nothing was trained.",
    "data refused": "The data gate refuses the data: nothing was trained.",
}


def begin(
    workspace: Workspace,
    inputs: str,
    dataset: DatasetVersion,
    settings: Mapping[str, Mapping[str, Any]],
    origin: Mapping[str, str],
) -> str:
    """Open the run of a retraining; that of one that was killed is taken up again, and others are not left running.

    Args:
        inputs: fingerprint of the dataset version and settings it starts from.
        dataset: the version.
        settings: all that a challenger can come out different for, by section.
        origin: tags that say where the run came from, as the Prefect run.

    Returns:
        The run's id.
    """
    from mlflow.entities import Param

    mlflow = client(workspace)
    before = known(workspace, RETRAINING, inputs)
    leave(workspace, "KILLED")
    tags = tags_of(workspace, RETRAINING, inputs, dataset, origin)
    if before:
        run = before.info.run_id
        worked_on = before.data.tags["heed.correlation"].split()
        # A worker that was left behind may go on for the Prefect run that died.
        tags["heed.correlation"] = " ".join(dict.fromkeys([*worked_on, origin["heed.correlation"]]))
        mlflow.update_run(run, status="RUNNING")
        for key, value in tags.items():
            mlflow.set_tag(run, key, value)
    else:
        name = f"{RETRAINING} on {dataset.hash[:8]}"
        # With its tags in one call: a run without its step could be made again.
        run = mlflow.create_run(experiment(workspace), tags=tags, run_name=name).info.run_id
    params = [Param(f"{part}.{key}", str(value)) for part, kept in settings.items() for key, value in kept.items()]
    mlflow.log_batch(run, params=params)
    mlflow.log_inputs(run, datasets=[_input(dataset)])
    return run


def finish(workspace: Workspace, run: str, outcome: str, reasons: Sequence[str], scorecard: Scorecard | None) -> None:
    """Say what a retraining came to: in the run's name, its description, a tag, and the numbers of the scorecard.

    Args:
        run: as `begin` returned it.
        outcome: `promote`, `ask`, `hold`, `refuse`, `data held` or `data refused`.
        reasons: why.
        scorecard: what was measured; None where nothing was trained.
    """
    from mlflow.entities import Metric

    mlflow = client(workspace)
    measures, now = scorecard.measures if scorecard else {}, int(1000 * time.time())
    # Without the ends of the intervals, which stand in the run of the evaluation: runs are compared by these.
    mlflow.log_batch(run, metrics=[Metric(name, estimate.value, now, 0) for name, estimate in measures.items()])
    _say(workspace, run, outcome, reasons, scorecard)
    mlflow.set_terminated(run)


def answered(workspace: Workspace, inputs: str, decision: Decision, scorecard: Scorecard) -> None:
    """Say what a person has made of the challenger that a retraining asked about; no other run changes.

    Args:
        inputs: as `begin` was given them.
        decision: with what the person said among its reasons.
        scorecard: what was measured.
    """
    if asked := known(workspace, RETRAINING, inputs):
        _say(workspace, asked.info.run_id, decision.outcome, decision.reasons, scorecard)


def leave(workspace: Workspace, status: str) -> None:
    """Give a status to whatever retraining is running, because nobody works on it any more."""
    mlflow = client(workspace)
    running = f"tags.`heed.stage` = '{RETRAINING}' and attributes.status = 'RUNNING'"
    for run in mlflow.search_runs([experiment(workspace)], running):
        mlflow.set_terminated(run.info.run_id, status)


def _say(workspace: Workspace, run: str, outcome: str, reasons: Sequence[str], scorecard: Scorecard | None) -> None:
    from mlflow.entities import RunTag

    mlflow = client(workspace)
    tags = mlflow.get_run(run).data.tags
    end = ENDS.get(outcome, outcome).format(scorecard.challenger.version if scorecard else "")
    mlflow.log_batch(
        run,
        tags=[
            RunTag("heed.outcome", outcome),
            # Again, because MLflow shows no descriptions where it compares runs.
            RunTag("heed.because", "; ".join(reasons)),
            RunTag("mlflow.note.content", _description(outcome, reasons, scorecard, experiment(workspace), tags)),
        ],
    )
    # How it ended comes first, because that much of a name fits into MLflow's lists.
    mlflow.update_run(run, name=f"{end}: {RETRAINING} on {tags['heed.dataset'][:8]}")


def _input(dataset: DatasetVersion) -> Any:
    """The dataset version as MLflow shows what a run has used."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    entity = Dataset(
        name="data.dvc",
        digest=dataset.hash.removesuffix(".dir"),  # MLflow takes at most 36 characters
        source_type="local",
        source=json.dumps({"uri": "data.dvc"}),
        profile=json.dumps({"num_rows": dataset.preferences}),
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", "all")])


def _description(
    outcome: str, reasons: Sequence[str], scorecard: Scorecard | None, where: str, tags: Mapping[str, str]
) -> str:
    """How it ended and why, and where to look on; Markdown."""
    stops_first = sorted(reasons, key=lambda reason: reason.startswith("pass: "))
    said = "\n".join(f"- {reason}" for reason in stops_first)
    lines = [(OUTCOMES | STOPPED)[outcome], "", said, ""]
    if scorecard:
        version = scorecard.challenger.version
        lines += [
            f"- Model: [{POLICY} version {version}](#/models/{POLICY}/versions/{version}), with its card",
            f"- Compared with: version {scorecard.champion.version}, "
            f"[measured here](#/experiments/{where}/runs/{scorecard.run_id})",
        ]
    prefect = tags["prefect.flow_run_name"]
    lines += [
        f"- Prefect run: [{prefect}]({tags['prefect.url']})" if "prefect.url" in tags else f"- Prefect run: {prefect}",
        f"- Dataset version: `{tags['heed.dataset']}`",
        f"- Commit: `{tags['mlflow.source.git.commit']}`",
    ]
    lines += [f"- Data Docs: `{tags['heed.data_docs']}`"] if "heed.data_docs" in tags else []
    return "\n".join(lines)
