"""What nobody needs any more: models that were never in service or no longer are, and the data only they learned from.

Never the champion, the challenger, whatever else an alias points to, or the version a rollback goes back to; never the
current dataset version, nor one that the data gate compares with. What a DVC remote holds stays there.
"""

import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from components.records.handles import ModelVersion
from components.registry import decisions, models, promotion
from components.registry.models import CHAMPION, POLICY, REWARD
from components.registry.trials import LOST
from components.tracking import EXPERIMENT, client
from components.validation import acceptance
from components.workspace import Workspace, pinning

if TYPE_CHECKING:
    from mlflow.entities import Run

DAY = 86_400  # seconds

STEP, DELETED_STEP = "heed.step", "heed.deleted_step"
"""Tags of an MLflow run. One whose model was deleted has the second: a step that is done again gets a run of its own,
because MLflow lets nobody change the parameters of an earlier one, which name that model."""

IN_STORE = "models:/"


@dataclass(frozen=True)
class Leftovers:
    """What can go.

    Attributes:
        models: versions in the registry, newest first.
        datasets: content hashes of dataset versions that are on this machine.
        folders: artifacts, copies and training runs of those models, and training runs that are done with.
        files: of DVC's cache, and what was made of them.
        steps: fingerprints of the steps whose results speak of those models and training runs.
        bytes: how many the folders and files take.
    """

    models: tuple[ModelVersion, ...]
    datasets: tuple[str, ...]
    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    steps: tuple[str, ...]
    bytes: int

    def __bool__(self) -> bool:
        return bool(self.models or self.datasets or self.folders or self.files)


@contextmanager
def alone(workspace: Workspace) -> Iterator[None]:
    """Keep everything from being trained, decided or landed meanwhile.

    Raises:
        BadInput: something is.
    """
    with ExitStack() as stack:
        for name, doing in (("retrain", "retraining"), ("training", "training"), ("data", "landing data")):
            stack.enter_context(workspace.lock(name, doing))
        yield


def find(workspace: Workspace, keep: int) -> Leftovers:
    """Look for what can go.

    Args:
        workspace: whose; the caller holds `alone`.
        keep: how many of the newest policies, and of the newest reward models, stay whatever else holds.
    """
    policies, rewards = models.versions(workspace, POLICY), models.versions(workspace, REWARD)
    kept = _kept(workspace, policies, rewards, keep)
    gone = tuple(model for model in (*policies, *rewards) if model not in kept)
    datasets, files = _data(workspace, _needed(workspace, kept))
    folders = tuple(_folders(workspace, gone, {_source(workspace, model) for model in kept}))
    lost = _lost(workspace)
    return Leftovers(
        models=gone,
        datasets=datasets,
        folders=folders,
        files=files,
        steps=(*_steps(workspace, gone), *(folder.name for folder in folders if folder.name in lost)),
        bytes=sum(_bytes(folder) for folder in folders) + sum(file.stat().st_size for file in files),
    )


def delete(workspace: Workspace, found: Leftovers) -> None:
    """Delete it; the registry comes last, so that what a kill leaves is found again.

    Args:
        workspace: whose; the caller holds `alone`, and has held it since `find`.
        found: by `find`.
    """
    for folder in found.folders:
        shutil.rmtree(folder, ignore_errors=True)
    for file in found.files:
        file.unlink(missing_ok=True)
    mlflow = client(workspace)
    for run in _runs(workspace):
        if run.data.tags.get(STEP) in found.steps:
            mlflow.set_tag(run.info.run_id, DELETED_STEP, run.data.tags[STEP])
            mlflow.delete_tag(run.info.run_id, STEP)
    for model in found.models:
        source = _source(workspace, model)
        mlflow.delete_model_version(model.name, str(model.version))
        if _logged(source):
            mlflow.delete_logged_model(source.removeprefix(IN_STORE))


def _kept(
    workspace: Workspace, policies: Sequence[ModelVersion], rewards: Sequence[ModelVersion], keep: int
) -> set[ModelVersion]:
    aliased = {(name, number) for name in (POLICY, REWARD) for number in _aliased(workspace, name)}
    champion = models.at_alias(workspace, POLICY, CHAMPION)
    before = models.tag(workspace, champion, promotion.SUCCEEDED) if champion else None
    if before:
        aliased.add((POLICY, int(before)))
    kept = {model for model in (*policies, *rewards) if (model.name, model.version) in aliased}
    kept |= {*policies[:keep], *rewards[:keep]}
    cards = (decisions.scorecard_of(workspace, model) for model in kept if model.name == POLICY)
    judges = {card.reward.step for card in cards if card}
    return kept | {model for model in rewards if model.step in judges}


def _aliased(workspace: Workspace, name: str) -> list[int]:
    known = client(workspace).search_registered_models(f"name = '{name}'")
    return [int(number) for model in known for number in model.aliases.values()]


def _needed(workspace: Workspace, kept: Iterable[ModelVersion]) -> set[str]:
    """The dataset versions that something kept was trained on or stands on."""
    current = pinning.pinned_hash(workspace)
    accepted = (acceptance.last_accepted(workspace), acceptance.last_accepted(workspace, current))
    # A model that somebody else registered names no dataset.
    return {digest for digest in (current, *accepted, *(model.dataset for model in kept)) if digest}


def _data(workspace: Workspace, needed: set[str]) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """Dataset versions that are on this machine and not needed, and their files that no needed one has."""
    pinned = pinning.pinned_ever(workspace)
    stored = pinning.stored(workspace, {*pinned, *needed})
    kept = {file for digest in needed for file in stored[digest]}
    datasets = tuple(digest for digest in pinned if digest not in needed and stored[digest])
    cached = dict.fromkeys(file for digest in datasets for file in stored[digest] if file not in kept)
    made = (workspace.state / "threads" / f"{file.parent.name}{file.name}.parquet" for file in cached)
    pages = (page for digest in datasets for page in workspace.reports.glob(f"{digest[:12]}-*.html"))
    return datasets, (*cached, *(file for file in (*made, *pages) if file.exists()))


def _folders(workspace: Workspace, gone: Sequence[ModelVersion], kept_sources: set[str]) -> Iterator[Path]:
    for model in gone:
        source = _source(workspace, model)
        artifacts = _artifacts(workspace, model)
        if _logged(source) and source not in kept_sources and artifacts and artifacts.exists():
            yield artifacts
        copy = workspace.state / "models" / f"{model.name}-{model.version}-{model.step}"
        if copy.exists():
            yield copy
    for folder in _training_runs(workspace):
        # A day, because whoever looks at a training that just ended looks here.
        if time.time() - max(file.stat().st_mtime for file in (folder, *folder.rglob("*"))) > DAY:
            yield folder


def _training_runs(workspace: Workspace) -> Iterator[Path]:
    """Of steps that have come to a registered model, or lost a sweep: one that was killed goes on from what it left."""
    if not workspace.runs.exists():
        return
    registered = {model.step for name in (POLICY, REWARD) for model in models.versions(workspace, name)}
    runs = [run.data.tags for run in _runs(workspace)]
    deleted, done_again = ({tags.get(tag) for tags in runs} for tag in (DELETED_STEP, STEP))
    done_with = registered | (deleted - done_again) | _lost(workspace)
    yield from (folder for folder in sorted(workspace.runs.iterdir()) if folder.name in done_with)


def _lost(workspace: Workspace) -> set[str]:
    """The steps that trained a policy which a sweep did not choose, and nobody has registered since."""
    registered = {model.step for model in models.versions(workspace, POLICY)}
    trained = {run.data.tags[STEP] for run in _runs(workspace) if {STEP, LOST} <= run.data.tags.keys()}
    return trained - registered


def _steps(workspace: Workspace, gone: Sequence[ModelVersion]) -> Iterator[str]:
    """The steps that made models, and those that measured them."""
    yield from (model.step for model in gone)
    uris = {model.uri for model in gone}
    for run in _runs(workspace):
        named = run.data.params | run.data.tags  # the params of a scorecard, the tags of a sweep
        measured = uris & {named.get(name) for name in ("challenger", "champion", "reward")}
        if measured and STEP in run.data.tags:
            yield run.data.tags[STEP]


def _runs(workspace: Workspace) -> Iterator["Run"]:
    mlflow = client(workspace)
    experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    page: str | None = None
    while experiment:
        found = mlflow.search_runs([experiment.experiment_id], page_token=page)
        yield from found
        page = found.token
        if not page:
            return


def _source(workspace: Workspace, model: ModelVersion) -> str:
    """What a version was registered from."""
    return client(workspace).get_model_version(model.name, str(model.version)).source or ""


def _logged(source: str) -> bool:
    """Whether that is a model of MLflow's own, which goes with the version."""
    return source.startswith(f"{IN_STORE}m-")


def _artifacts(workspace: Workspace, model: ModelVersion) -> Path | None:
    """The folder of a version's files; None where they are not in the workspace, but a server's to delete."""
    address = urlparse(client(workspace).get_model_version_download_uri(model.name, str(model.version)))
    place = Path(unquote(address.path)).parent
    return (
        place
        if address.scheme in ("", "file") and place.is_relative_to(workspace.state / "artifacts" / "models")
        else None
    )


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
