"""What a sweep tried: which of it is best, and how it is kept in MLflow. Knows nothing of how anything was trained.

All trials stand below one run, with their own settings, curves and measures. Only the best is registered.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from components.length_control import of_many
from components.records.handles import ModelVersion, Trial
from components.registry.gate import Policy, weigh
from components.tracking import PARENT, client
from components.workspace import Workspace

LOST = "heed.lost"
"""Tag of a run that trained a policy which was not chosen: the sweep that it lost."""

WINS, CONTROLLED = "policy/win_rate", "policy/win_rate_length_controlled"


def best(trials: Sequence[Trial], policy: Policy) -> int:
    """Which trial is chosen; of equals the first.

    What wins by pleasing the judge and nobody else is often what wins the most. So whatever the gate's policy would
    refuse comes after all that it would not; then the lower of the two win rates decides, because a challenger has to
    be better both as it is and at equal length.

    Args:
        trials: at least one of which did not fail, as `at_equal_length` returns them.
        policy: of the gate.

    Returns:
        Its place in the sequence.
    """

    def worth(number: int) -> tuple[bool, float]:
        trial = trials[number]
        assert trial.at_equal_length is not None
        return weigh(trial.measures, policy).outcome != "refuse", min(trial.measures[WINS].value, trial.at_equal_length)

    return max((number for number, trial in enumerate(trials) if not trial.failed), key=worth)


def at_equal_length(trials: Sequence[Trial]) -> list[Trial]:
    """The trials with how often each would win if both answers were equally long.

    The judge's liking of length is found from all of them together, on the prompts that were judged for each; where
    there are none it is what each shows by itself.
    """
    done = [trial for trial in trials if not trial.failed]
    verdicts = zip(*(trial.verdicts for trial in done), strict=True)
    judged = [row for row in verdicts if all(verdict.win is not None for verdict in row)]
    if judged:
        wins = np.array([[verdict.win for verdict in row] for row in judged], dtype=float).T
        rates = of_many(wins, np.array([[verdict.longer for verdict in row] for row in judged]).T).tolist()
    else:
        rates = [trial.measures[CONTROLLED].value for trial in done]
    found = iter(rates)
    return [trial if trial.failed else trial.model_copy(update={"at_equal_length": next(found)}) for trial in trials]


def put_below(workspace: Workspace, run_id: str, above: str) -> None:
    """Show a run below another, unless it belongs to a third already, which it was made for."""
    mlflow = client(workspace)
    if PARENT not in mlflow.get_run(run_id).data.tags:
        mlflow.set_tag(run_id, PARENT, above)


def log(trials: Sequence[Trial], models: dict[str, ModelVersion]) -> None:
    """Log all trials to the active run as `trials.csv`, and as tags the models they came to or were compared by.

    Args:
        models: `challenger`, which was chosen, `champion` and `reward`; `heed gc` looks for runs that speak of what it
            deletes.
    """
    import mlflow

    mlflow.log_text(_table(trials).write_csv(), "trials.csv")
    mlflow.set_tags({name: model.uri for name, model in models.items()})


def note_lost(workspace: Workspace, trials: Sequence[Trial], chosen: Trial, sweep: str) -> None:
    """Note on the runs of all but one that they were not chosen, which `heed gc` goes by."""
    for trial in trials:
        if trial.trained and trial != chosen:
            client(workspace).set_tag(trial.trained.run_id, LOST, sweep)


def _table(trials: Sequence[Trial]) -> pl.DataFrame:
    """A row a trial: its settings, every measure with the ends of its interval, its run, what it failed with."""
    return pl.DataFrame([_row(trial) for trial in trials], infer_schema_length=None)


def _row(trial: Trial) -> dict[str, object]:
    measured = {
        f"{name}{end}": number
        for name, found in trial.measures.items()
        for end, number in (("", found.value), ("/low", found.low), ("/high", found.high))
    }
    settings = {key: str(value) for key, value in trial.settings.items()}
    return settings | measured | {"run": trial.trained and trial.trained.run_id, "failed": trial.failed}
