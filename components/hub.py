"""Where a named model is: in a folder, on the Hugging Face hub, or in what the hub left on this machine earlier."""

from pathlib import Path

from huggingface_hub import constants, get_session, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError

PATIENCE = 10  # seconds


def place(name: str, revision: str = "main") -> str:
    """What to load a model by: its name, or its local copy where the hub does not answer.

    The hub is asked once. Its library, which asks again for every file, takes minutes to see that there is no network.

    Raises:
        OSError: the hub does not answer and left nothing here.
        ValueError: it is neither a folder nor a hub name.
    """
    if Path(name).is_dir() or _answers():
        return name
    try:
        return snapshot_download(name, revision=revision, local_files_only=True)
    except LocalEntryNotFoundError:
        raise OSError(
            f"no such folder, no copy of it on this machine, and {constants.ENDPOINT} does not answer"
        ) from None


def _answers() -> bool:
    try:
        get_session().head(constants.ENDPOINT, timeout=PATIENCE)
    except Exception:  # the errors are those of its HTTP library, which is not always the same one
        return False
    return True
