"""A retraining is one run with its stages below it, whoever does them and however often it is killed."""

from collections.abc import Iterator

import pytest
from mlflow.entities import Run

from components.records.handles import DatasetVersion, Decision, Estimate, ModelVersion, Scorecard
from components.registry import retrainings
from components.tracking import EXPERIMENT, PARENT, client, run
from components.workspace import Workspace, find
from components.workspace.creation import create

DATASET = DatasetVersion(hash="0123456789abcdef0123456789abcdef.dir", commit="c", preferences=1234)
SETTINGS = {"train": {"beta": 0.2}}
POLICY = ModelVersion(name="heed-policy", version=7, run_id="run7", dataset="d", step="s")
SCORECARD = Scorecard(
    challenger=POLICY,
    champion=POLICY.model_copy(update={"version": 5}),
    reward=POLICY.model_copy(update={"name": "heed-reward", "version": 3}),
    dataset="d",
    judge="reward",
    measures={"policy/win_rate": Estimate(value=0.62, low=0.56, high=0.68, n=300)},
    run_id="run8",
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return find(create(tmp_path_factory.mktemp("retrainings") / "work", "").root)


@pytest.fixture(autouse=True)
def _none_yet(workspace: Workspace) -> Iterator[None]:
    yield
    for made in runs(workspace):
        client(workspace).delete_run(made.info.run_id)


def runs(workspace: Workspace) -> list[Run]:
    mlflow = client(workspace)
    experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    return list(mlflow.search_runs([experiment.experiment_id])) if experiment else []


def origin(prefect: str) -> dict[str, str]:
    return {"heed.correlation": prefect, "prefect.flow_run_name": "brave-fox", "prefect.url": f"http://p/{prefect}"}


def begun(workspace: Workspace, inputs: str, prefect: str) -> str:
    return retrainings.begin(workspace, inputs, DATASET, SETTINGS, origin(prefect))


def stage(workspace: Workspace, step: str, prefect: str) -> str | None:
    """The parent of a stage's run."""
    with run(workspace, "reward", step, DATASET, {}, origin(prefect)) as made:
        pass
    parent: str | None = client(workspace).get_run(made.info.run_id).data.tags.get(PARENT)
    return parent


def test_one_that_is_killed_and_goes_on_is_one_run_with_all_its_stages_below_it(workspace: Workspace) -> None:
    first = begun(workspace, "inputs", "prefect-1")
    assert stage(workspace, "a", "prefect-1") == first
    assert begun(workspace, "inputs", "prefect-2") == first
    assert stage(workspace, "b", "prefect-2") == first
    assert stage(workspace, "c", "prefect-1") == first, "by a worker that was left behind"
    assert stage(workspace, "d", "prefect-3") is None, "of something else than a retraining"
    assert len(runs(workspace)) == 5


def test_a_stage_that_two_retrainings_share_stays_below_the_first(workspace: Workspace) -> None:
    first, second = begun(workspace, "inputs", "prefect-1"), begun(workspace, "other inputs", "prefect-2")
    assert first != second
    assert stage(workspace, "a", "prefect-1") == first
    assert stage(workspace, "a", "prefect-2") == first


def test_what_was_killed_and_never_taken_up_does_not_run_for_ever(workspace: Workspace) -> None:
    killed = begun(workspace, "inputs", "prefect-1")
    begun(workspace, "other inputs", "prefect-2")
    assert client(workspace).get_run(killed).info.status == "KILLED"
    assert begun(workspace, "inputs", "prefect-3") == killed
    assert client(workspace).get_run(killed).info.status == "RUNNING"


def test_the_run_says_how_it_ended_why_and_of_what(workspace: Workspace) -> None:
    id = begun(workspace, "inputs", "prefect-1")
    # Twice, as after a kill between the end and its being told.
    for _ in range(2):
        retrainings.finish(workspace, id, "hold", ("pass: one.", "hold: two."), SCORECARD)
    ended = client(workspace).get_run(id)
    assert (ended.info.status, ended.info.run_name) == ("FINISHED", "held version 7: retrain on 01234567")
    assert ended.data.tags["heed.outcome"] == "hold"
    assert ended.data.metrics == {"policy/win_rate": 0.62}
    assert ended.data.params == {"train.beta": "0.2"}
    [used] = ended.inputs.dataset_inputs
    assert used.dataset.digest == "0123456789abcdef0123456789abcdef"
    assert used.dataset.profile == '{"num_rows": 1234}'
    said = ended.data.tags["mlflow.note.content"]
    assert said.index("hold: two.") < said.index("pass: one.")
    for told in ("- hold: two.", "version 5", "/runs/run8)", "models/heed-policy/versions/7", "http://p/prefect-1"):
        assert told in said


def test_what_a_person_answered_is_how_it_ended(workspace: Workspace) -> None:
    id = begun(workspace, "inputs", "prefect-1")
    retrainings.finish(workspace, id, "ask", ("pass: one.", "ask: a person has to agree"), SCORECARD)
    asked = client(workspace).get_run(id).info
    said_no = Decision(outcome="refuse", reasons=("pass: one.", "refuse: ada did not agree: too curt"))
    retrainings.answered(workspace, "inputs", said_no, SCORECARD)
    ended = client(workspace).get_run(id)
    assert (ended.info.run_name, ended.info.end_time) == ("refused version 7: retrain on 01234567", asked.end_time)
    assert ended.data.tags["heed.because"] == "pass: one.; refuse: ada did not agree: too curt"
    assert "ask: " not in ended.data.tags["mlflow.note.content"]


def test_one_that_the_data_gate_stops_says_so_and_is_the_same_when_it_may_go_on(workspace: Workspace) -> None:
    id = begun(workspace, "inputs", "prefect-1")
    retrainings.finish(workspace, id, "data held", ("hold: too odd.",), None)
    stopped = client(workspace).get_run(id)
    assert stopped.info.run_name == "data held: retrain on 01234567"
    assert "- hold: too odd." in stopped.data.tags["mlflow.note.content"]
    assert begun(workspace, "inputs", "prefect-2") == id


def test_one_that_fails_says_why_and_is_the_same_when_it_goes_on(workspace: Workspace) -> None:
    id = begun(workspace, "inputs", "prefect-1")
    retrainings.fail(workspace, id, "OutOfMemoryError: no room for the model")
    failed = client(workspace).get_run(id)
    assert (failed.info.status, failed.info.run_name) == ("FAILED", "failed: retrain on 01234567")
    said = failed.data.tags["mlflow.note.content"]
    assert "- OutOfMemoryError: no room for the model" in said
    assert "http://p/prefect-1" in said
    assert begun(workspace, "inputs", "prefect-2") == id
    again = client(workspace).get_run(id)
    assert (again.info.status, again.info.run_name) == ("RUNNING", "retrain on 01234567")
