"""What `heed doctor` looks at: one function a check, each with an answer in a sentence and what to do about it.

A check leaves everything as it was, and none takes longer than it is given: what does not answer is said not to.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Literal

import httpx
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from pydantic import BaseModel
from sqlalchemy import MetaData

from components import cluster, outages, tracking
from components.feedback.capture import database
from components.feedback.capture.database import Database, StoreDown
from components.records.errors import BadInput
from components.services import note
from components.services.ports import free
from components.workspace import Workspace, git, pinning, versions
from components.workspace.damage import WHOLE, damage

HEED = "heed-mlops"

PATIENCE = 5.0
"""Seconds that a server has to answer."""

LONGEST = 60.0
"""Seconds that a check may take in all: a name that is looked up, or a disk that is away, minds no other limit."""

TRIED = "heed.doctor"
"""The tag that is put on what may perhaps not be written to, and taken away again."""

LITTLE_ROOM, NO_ROOM = 5 * 10**9, 500 * 10**6  # bytes


class Found(BaseModel):
    """What a check found.

    Attributes:
        state: bad where heed does not work with it, warning where it does not work well.
        found: in a sentence.
        to_do: what to do about it; empty where all is well.
    """

    state: Literal["ok", "warning", "bad"]
    found: str
    to_do: str = ""


class Check(Found):
    """The same with the name of the check."""

    name: str


Look = Callable[[Workspace], Found]


def ok(found: str) -> Found:
    return Found(state="ok", found=found)


def warning(found: str, to_do: str) -> Found:
    return Found(state="warning", found=found, to_do=to_do)


def bad(found: str, to_do: str) -> Found:
    return Found(state="bad", found=found, to_do=to_do)


def examine(workspace: Workspace, longest: float = LONGEST) -> Iterator[Check]:
    """Run every check, one after the other.

    Args:
        workspace: whose.
        longest: seconds that each may take; one that takes longer is left to itself.
    """
    for name, look in CHECKS.items():
        yield Check(name=name, **_within(longest, look, workspace).model_dump())


def _within(seconds: float, look: Look, workspace: Workspace) -> Found:
    came: list[Found] = []
    # A daemon, so that the command ends though the check never does.
    thread = threading.Thread(target=lambda: came.append(_answer(look, workspace)), daemon=True)
    thread.start()
    thread.join(seconds)
    return came[0] if came else warning(f"no answer in {seconds:g} s", "Look at what it waits for, and ask again.")


def _answer(look: Look, workspace: Workspace) -> Found:
    try:
        return look(workspace)
    except BadInput as error:
        return bad(f"{error.what} ({error.where})", error.fix)
    except Exception as error:  # whatever is wrong with what is looked at, the other checks are still wanted
        return bad(f"{type(error).__name__}: {_in_one_line(error)}", "Mend that, and ask again.")


def python(_: Workspace) -> Found:
    """The Python that runs heed."""
    running = ".".join(str(number) for number in sys.version_info[:3])
    wanted = SpecifierSet(metadata.metadata(HEED)["Requires-Python"])
    if not wanted.contains(running):
        return bad(f"Python {running}, and heed needs {wanted}", "Make an environment with another Python.")
    return ok(f"Python {running}")


def libraries(_: Workspace) -> Found:
    """The versions of what heed is built on."""
    needed = [Requirement(line) for line in metadata.requires(HEED) or ()]
    needed = [requirement for requirement in needed if requirement.marker is None]
    wrong = [said for said in map(_out_of_range, needed) if said]
    if wrong:
        return bad("; ".join(wrong), f'Run `{sys.executable} -m pip install --upgrade "{HEED}"`, or `make setup`.')
    return ok(f"{len(needed)} libraries are in their ranges")


def _out_of_range(requirement: Requirement) -> str:
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    fits = requirement.specifier.contains(found, prereleases=True)
    return "" if fits else f"{requirement.name} is {found}, not {requirement.specifier}"


def programs(_: Workspace) -> Found:
    """Git, and DVC for whoever works with the data by hand."""
    if not shutil.which("git"):
        return bad("git is not installed", "Install git; heed keeps every dataset version in it.")
    said = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=PATIENCE, check=False).stdout
    both = f"{said.strip()}, dvc {metadata.version('dvc')}"
    if not (Path(sys.executable).with_name("dvc").exists() or shutil.which("dvc")):
        return warning(f"{both}, but no program `dvc`", "Install dvc anew: `dvc pull` and `dvc checkout` need it.")
    return ok(both)


def disk(workspace: Workspace) -> Found:
    """Room on the disk of the workspace."""
    free = shutil.disk_usage(workspace.root).free
    said = f"{free / 10**9:.1f} GB are free"
    if free < NO_ROOM:
        return bad(said, "Make room before anything is landed or trained; `heed gc` says what heed can do without.")
    if free < LITTLE_ROOM:
        return warning(said, "Make room; `heed gc` says what heed can do without.")
    return ok(said)


def ports(workspace: Workspace) -> Found:
    """Where the servers of `heed up` listen."""
    up = note.read(workspace.state)
    held = {httpx.URL(address).port for address in up.addresses.values()} if up else set()
    wanted = list(_ports(workspace))
    taken = [
        (setting, port) for setting, host, port in wanted if port and port not in held and not _is_free(host, port)
    ]
    if taken:
        said = ", ".join(f"port {port} ({setting})" for setting, port in taken)
        fix = "`heed up` and `heed serve` need it: stop what listens there, or set another port; 0 takes any."
        return warning(f"something else listens at {said}", fix)
    listed = ", ".join(f"{setting} {port or 'any'}" for setting, _, port in wanted)
    return ok(f"{'heed itself or nobody' if held else 'nobody'} listens at {listed}")


def _ports(workspace: Workspace) -> Iterator[tuple[str, str, int]]:
    """Setting, host and port of every server that is started here."""
    servers, capture = workspace.settings.servers, workspace.settings.capture
    up = note.read(workspace.state)
    if os.environ.get("PREFECT_API_URL", "") in ("", up.prefect if up else ""):
        yield "servers.prefect_port", servers.host, servers.prefect_port
    if not workspace.is_tracked_by_server:
        yield "servers.mlflow_port", servers.host, servers.mlflow_port
    yield "servers.metrics_port", servers.host, servers.metrics_port
    yield "capture.port", capture.host, capture.port


def _is_free(host: str, port: int) -> bool:
    try:
        free(host, port)
    except OSError:
        return False
    return True


def databases(workspace: Workspace) -> Found:
    """The SQLite files, read through by SQLite."""
    files = [*workspace.state.glob("*.db"), *workspace.prefect_home.glob("*.db")]
    captured = database.file_of(workspace.capture_store)
    files = sorted({*files, *([captured] if captured and captured.exists() else [])})
    damaged = [f"{file}: {said}" for file in files if (said := damage(file, WHOLE))]
    if damaged:
        fix = "Take it back from a backup, or move it away to begin with an empty one."
        return bad("; ".join(damaged), fix)
    return ok(f"{', '.join(file.name for file in files)} are whole" if files else "there is none yet")


def capture_store(workspace: Workspace) -> Found:
    """The store of what was captured."""
    if file := database.file_of(workspace.capture_store):
        return ok(f"a SQLite file, {file.name}" if file.exists() else "nothing was captured yet")
    shown = database.shown(workspace.capture_store)
    try:
        with closing(Database(workspace.capture_store, MetaData())) as opened, opened.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
    except StoreDown as down:
        return bad(f"{shown} does not answer: {down}", "Start the database or mend capture.store.")
    return ok(f"{shown} answers")


def mlflow(workspace: Workspace) -> Found:
    """The tracking server and registry."""
    if not workspace.is_tracked_by_server:
        return ok("runs and models are in the workspace" if not workspace.settings.mlflow.tracking_uri else "no server")
    asked = _asked(
        f"{workspace.tracking_uri.rstrip('/')}/health", "Start the MLflow server or mend mlflow.tracking_uri."
    )
    return _written(workspace, asked) if asked.state == "ok" else asked


def _written(workspace: Workspace, answers: Found) -> Found:
    """Whether this account may write: a tag is put on heed's experiment and models, and taken away again.

    Args:
        answers: what is found where it may.
    """
    from mlflow.exceptions import MlflowException

    client = tracking.client(workspace)
    try:
        experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
        if not experiment:
            return ok(f"{answers.found}; whether this account may write, the first retraining shows")
        client.set_experiment_tag(experiment.experiment_id, TRIED, "")
        client.delete_experiment_tag(experiment.experiment_id, TRIED)
        for model in client.search_registered_models("name LIKE 'heed-%'"):
            client.set_registered_model_tag(model.name, TRIED, "")
            client.delete_registered_model_tag(model.name, TRIED)
    except MlflowException as error:
        if error.error_code not in outages.REFUSED:
            raise
        fix = "Name another in MLFLOW_TRACKING_USERNAME, or have its administrator let this one edit."
        return bad(f"{answers.found}, but this account may not write", fix)
    return ok(f"{answers.found}, and this account may write")


def prefect(workspace: Workspace) -> Found:
    """The Prefect server that runs report to."""
    up = note.read(workspace.state)
    api = os.environ.get("PREFECT_API_URL") or (up.prefect if up else "")
    if not api:
        return ok("every command starts its own")
    return _asked(f"{api.rstrip('/')}/health", "Start the Prefect server, or take PREFECT_API_URL away.")


def _asked(url: str, to_do: str) -> Found:
    shown = httpx.URL(url).copy_with(username=None, password=None)
    try:
        answer = httpx.get(url, timeout=PATIENCE, follow_redirects=True)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return bad(f"{shown} does not answer: {_in_one_line(error) or type(error).__name__}", to_do)
    return ok(f"{shown} answers") if answer.is_success else bad(f"{shown} answers {answer.status_code}", to_do)


def remote(workspace: Workspace) -> Found:
    """Where DVC keeps the dataset a second time."""
    with pinning.opened(workspace.root) as repo:
        name = repo.config["core"].get("remote")
        if not name:
            fix = "Run `dvc remote add --default NAME URL`; every landing is then pushed."
            return warning("the dataset is only on this machine", fix)
        kept = repo.cloud.get_remote_odb(name)
        try:
            kept.fs.ls(kept.path)
        except FileNotFoundError:
            return warning(f"the DVC remote {name} holds nothing", f"Reach {kept.path}, and run `dvc push`.")
    return ok(f"the DVC remote {name} answers")


def devices(workspace: Workspace) -> Found:
    """What training runs on."""
    import torch

    from components.training import accelerating

    if workspace.accelerate:
        asked = accelerating.read(workspace.accelerate, workspace.settings.train.processes)
        return ok(f"{asked.file} asks for {asked.processes} processes on {asked.machines} machines")
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    if not names:
        return ok("none: training runs on the CPU")
    return ok(f"{len(names)} GPU{'s' if len(names) > 1 else ''}: {', '.join(names)}")


def ray(workspace: Workspace) -> Found:
    """The Ray cluster."""
    address = workspace.settings.ray.address
    if not address:
        return ok("not used: everything runs on this machine")
    with cluster.of(address):
        nodes, cpus, gpus = cluster.resources()
    return ok(f"{address} answers: {nodes} nodes, {cpus} CPUs, {gpus} GPUs")


def hub(workspace: Workspace) -> Found:
    """The Hugging Face hub, where the settings name a model of it."""
    names = _hub_names(workspace)
    if not names:
        return ok("not needed: no model of the hub is named")
    from huggingface_hub import constants

    said = ", ".join(names)
    try:
        httpx.head(constants.ENDPOINT, timeout=PATIENCE, follow_redirects=True)
    except httpx.HTTPError:
        here = [name for name in names if _is_copied(name)]
        if here == names:
            return warning(f"{constants.ENDPOINT} does not answer; {said} is used from its copy here", "Nothing now.")
        fix = "Mend the network, or name a folder that holds the model."
        return bad(f"{constants.ENDPOINT} does not answer, and the settings name {said}", fix)
    return ok(f"{constants.ENDPOINT} answers, for {said}")


def _hub_names(workspace: Workspace) -> list[str]:
    settings = workspace.settings
    named = [settings.base.model]
    named.append(settings.reward.model if settings.reward.method == "classifier" else settings.reward.encoder)
    if "likelihood" in settings.signals.detectors:
        named.append(settings.signals.language_model)
    return list(dict.fromkeys(name for name in named if name and not (workspace.root / name).is_dir()))


def _is_copied(name: str) -> bool:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        snapshot_download(name, local_files_only=True)
    except (LocalEntryNotFoundError, HFValidationError):
        return False
    return True


def data(workspace: Workspace) -> Found:
    """The files of the dataset version that is pinned."""
    pinned = pinning.pinned_hash(workspace)
    missing = versions.missing(workspace)
    if missing:
        return bad(
            f"data/ lacks {missing[0]}, and {len(missing) - 1} other files that are pinned", "Run `dvc checkout`."
        )
    if not pinning.is_here(workspace, pinned):
        return bad(f"DVC's cache lacks files of dataset version {pinned[:12]}", "Run `dvc pull`.")
    count = len(pinning.files_of(workspace, pinned))
    return ok(f"dataset version {pinned[:12]} is whole: {count} files")


def history(workspace: Workspace) -> Found:
    """The git repository of the workspace."""
    return ok(f"on commit {git.head(workspace.root)[:12]}, {len(pinning.history(workspace))} dataset versions")


def left_behind(workspace: Workspace) -> Found:
    """What a `heed up` that was killed left running."""
    left = note.left_behind(workspace.state)
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        return warning(f"a killed `heed up` left processes that still run: {pids}", "Run `heed down`.")
    return ok("heed is up" if note.read(workspace.state) else "nothing was left behind")


CHECKS: dict[str, Look] = {
    "python": python,
    "libraries": libraries,
    "git and dvc": programs,
    "disk": disk,
    "history": history,
    "data": data,
    "dvc remote": remote,
    "databases": databases,
    "capture store": capture_store,
    "mlflow": mlflow,
    "prefect": prefect,
    "ports": ports,
    "processes": left_behind,
    "gpu": devices,
    "ray": ray,
    "hub": hub,
}


def _in_one_line(said: object) -> str:
    return " ".join(str(said).split())
