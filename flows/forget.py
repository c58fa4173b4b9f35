"""Forget: at their wish a person is taken out of the store, its spool, and the next dataset version."""

from contextlib import closing

from prefect import flow, task
from pydantic import BaseModel, SecretStr

from components import journal
from components.feedback.capture.collected import anything_captured
from components.feedback.capture.spool import Spool, drain
from components.feedback.capture.store import Store
from components.feedback.capture.users import hash_user, secret_of
from components.records.handles import DatasetVersion
from components.registry import models
from components.workspace import Workspace, forgetting
from components.workspace.forgetting import Earlier


class Forgetting(BaseModel):
    """What was forgotten, and where it is still to be found.

    Attributes:
        dataset: the version that no longer holds the person.
        captured: events taken out of the store and its spool.
        removed: kind of record to how many were taken out of the dataset.
        quarantined: rows taken out of the quarantine.
        earlier: versions that still hold the person.
        learned: models that were trained on those versions, as "heed-policy 3".
    """

    dataset: DatasetVersion
    captured: int
    removed: dict[str, int]
    quarantined: int
    earlier: tuple[Earlier, ...]
    learned: tuple[str, ...]


@flow(name="forget", validate_parameters=False)
def forget(workspace: Workspace, person: SecretStr) -> Forgetting:
    """Take a person out wherever the next version could come from.

    Args:
        workspace: whose.
        person: as the application or the files name them; a secret, because Prefect keeps what flows were given.
    """
    user = person.get_secret_value()
    stored_as = hash_user(secret_of(workspace), user)
    captured = task(name="store")(_from_store)(workspace, stored_as) if anything_captured(workspace) else 0
    done = task(name="dataset")(forgetting.forget)(workspace, {user, user.strip(), stored_as})
    journal.tell("forgetting", "forget", captured=captured, dataset=done.dataset.hash)
    return Forgetting(
        dataset=done.dataset,
        captured=captured,
        removed=done.removed,
        quarantined=done.quarantined,
        earlier=done.earlier,
        learned=_learned(workspace, {earlier.hash for earlier in done.earlier}),
    )


def _from_store(workspace: Workspace, user: str) -> int:
    """What waits in the spool is brought in first, so that it is found."""
    with closing(Store(workspace.capture_store)) as store:
        drain(Spool(workspace.spool), store)
        return store.forget(user)


def _learned(workspace: Workspace, hashes: set[str]) -> tuple[str, ...]:
    known = [*models.versions(workspace, models.POLICY), *models.versions(workspace, models.REWARD)]
    return tuple(f"{model.name} {model.version}" for model in known if model.dataset in hashes)
