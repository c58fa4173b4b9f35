"""One project's folders. Knows where things are; knows nothing of what they mean.

heed.toml            settings
mlflow/gate.toml     what a challenger has to show
mlflow/card.md       how a model is described, where that is not left to heed
data/  data.dvc      the dataset and the version that is pinned
expectations/        what the data has to look like
quarantine/          rows that were not taken, with reasons
evaluation-sets/     files of questions that are never trained on, where there are any
must_pass/           prompts and what the answers to them must hold, where the team writes any
.heed/               what can be made again: features, runs, the MLflow store, Prefect's home
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from components.config import Settings, load
from components.records.errors import BadInput

SETTINGS_FILE = "heed.toml"

LONGEST_NAME = 60
"""Signs of a workspace's name that others are told."""


@dataclass(frozen=True)
class Workspace:
    """A folder with a heed.toml.

    Attributes:
        root: the folder.
        settings: what its heed.toml, the environment and the command line say.
    """

    root: Path
    settings: Settings

    @property
    def name(self) -> str:
        """What Prefect and people call it."""
        return known_as(self.root)

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def gate_file(self) -> Path:
        return self.root / "mlflow" / "gate.toml"

    @property
    def card_file(self) -> Path:
        return self.root / "mlflow" / "card.md"

    @property
    def expectations(self) -> Path:
        """What the data is expected to look like, and the policy of the data gate."""
        return self.root / "expectations"

    @property
    def data_gate_file(self) -> Path:
        return self.expectations / "gate.toml"

    @property
    def acceptances(self) -> Path:
        """The dataset versions that may train a model."""
        return self.expectations / "accepted.jsonl"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def state(self) -> Path:
        return self.root / ".heed"

    @property
    def features(self) -> Path:
        return self.state / "features"

    @property
    def detector(self) -> Path:
        """The detector that `heed signals train` makes."""
        return self.state / "detector"

    @property
    def answers(self) -> Path:
        """What language models behind endpoints answered, so that nothing is asked twice."""
        return self.state / "answers.db"

    @property
    def spool(self) -> Path:
        """What was captured while the store was away."""
        return self.state / "spool"

    @property
    def capture_store(self) -> str:
        return self.settings.capture.store or f"sqlite:///{self.state / 'capture.db'}"

    @property
    def logs(self) -> Path:
        """What each part did, and what it printed."""
        return self.state / "logs"

    @property
    def reports(self) -> Path:
        """The pages of `heed report`."""
        return self.state / "reports"

    @property
    def data_docs(self) -> Path:
        """The pages about what is expected of the data."""
        return self.state / "data-docs"

    @property
    def checked(self) -> Path:
        """What came of the expectations, which those pages are made from."""
        return self.state / "checked"

    @property
    def splits(self) -> Path:
        """What is remembered of which preference is on which side, and in which evaluation set."""
        return self.state / "splits"

    @property
    def evaluation_sets(self) -> Path:
        """Files of questions that nothing is trained on."""
        return self.root / self.settings.split.evaluation_sets

    @property
    def must_pass(self) -> Path:
        """What a challenger must answer as well as the champion."""
        return self.root / "must_pass"

    @property
    def runs(self) -> Path:
        return self.state / "runs"

    @property
    def base_model(self) -> str:
        """The base model the settings name, a folder in the workspace before a hub name; empty for none."""
        named = self.settings.base.model
        return str(self.root / named) if named and (self.root / named).is_dir() else named

    @property
    def accelerate(self) -> Path | None:
        """Accelerate's config file, relative to the workspace; None where the settings name none."""
        named = self.settings.train.accelerate
        return self.root / named if named else None

    @property
    def tracking_uri(self) -> str:
        return self.settings.mlflow.tracking_uri or f"sqlite:///{self.state / 'mlflow.db'}"

    @property
    def is_tracked_by_server(self) -> bool:
        """Whether runs and models are kept by a tracking server, and not in a database that is opened directly."""
        return self.tracking_uri.startswith(("http://", "https://"))

    @property
    def artifacts(self) -> str:
        """The URI below which MLflow's artifacts are, where no tracking server decides."""
        return self.settings.mlflow.artifacts or (self.state / "artifacts").as_uri()

    @property
    def prefect_home(self) -> Path:
        return self.state / "prefect"

    @contextmanager
    def lock(self, name: str, doing: str, wait: float = 0) -> Iterator[None]:
        """Hold a lock that one process can have at a time, and that dies with the process.

        Args:
            name: of the lock.
            doing: what whoever has it is doing, for whoever has to wait.
            wait: seconds for which it is waited for.

        Raises:
            BadInput: another process has it, for all that time.
        """
        self.state.mkdir(exist_ok=True)
        lock = FileLock(self.state / f"{name}.lock", timeout=wait)
        try:
            lock.acquire()
        except Timeout:
            raise BadInput(f"another heed is already {doing} here", self.root, "Wait until it is done.") from None
        try:
            yield
        finally:
            lock.release()


def known_as(root: Path) -> str:
    """The name of a workspace's folder, where anybody takes it; else what is left of it, and a sign which it was."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "-", root.name)[:LONGEST_NAME]
    return plain if plain == root.name else f"{plain}-{hashlib.sha256(root.name.encode()).hexdigest()[:6]}"


def find(start: Path | None, overrides: tuple[str, ...] = ()) -> Workspace:
    """The workspace `start` names, or HEED_WORKSPACE, or the one this folder is in.

    Raises:
        BadInput: there is none, or its settings are wrong.
    """
    named = start or (Path(os.environ["HEED_WORKSPACE"]) if os.environ.get("HEED_WORKSPACE") else None)
    here = (named or Path.cwd()).resolve()
    candidates = [here] if named else [here, *here.parents]
    for folder in candidates:
        if (folder / SETTINGS_FILE).is_file():
            return Workspace(folder, load(folder / SETTINGS_FILE, overrides=overrides))
    raise BadInput("no workspace", here, "Run `heed init` to make one, or name one with --workspace.")
