"""Who a user is, without saying who: the keyed hash that stands for them. Knows nothing of what they did."""

import hashlib
import hmac
import os
import secrets
import tempfile
import unicodedata
from pathlib import Path

from components.records.errors import BadInput
from components.workspace import Workspace

SECRET_FILE = "capture.secret"


def hash_user(secret: bytes, user: str) -> str:
    """The text that stands for a user: the first 32 hex digits of HMAC-SHA256(secret, user).

    Args:
        secret: the key; without it the hash of a known user cannot be made.
        user: their name, address or id. Its Unicode form and the space around it make no difference.

    Raises:
        ValueError: there is nothing to hash.
    """
    name = unicodedata.normalize("NFC", user).strip()
    if not name:
        raise ValueError("a user must have a name")
    return hmac.new(secret, name.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:32]


def secret_of(workspace: Workspace) -> bytes:
    """The key of a workspace's user hashes: the setting capture.secret, else a file made once.

    Raises:
        BadInput: the file is empty, or cannot be read or made.
    """
    setting = workspace.settings.capture.secret.get_secret_value()
    if setting:
        return setting.encode()
    file = workspace.state / SECRET_FILE
    try:
        if not file.exists():
            _make(file)
        secret = file.read_bytes().strip()
    except OSError as error:
        raise BadInput(
            f"the key of the user hashes cannot be had: {error.strerror}",
            file,
            "Make it readable, or set capture.secret.",
        ) from None
    if not secret:
        raise BadInput("the key of the user hashes is empty", file, "Put it back from a backup, or delete the file.")
    return secret


def _make(file: Path) -> None:
    """Make the file unless somebody else does first; it is never there half written, nor readable to others."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w") as made:
            made.write(secrets.token_hex(32) + "\n")
            made.flush()
            os.fsync(made.fileno())
        Path(file).hardlink_to(aside)
    except FileExistsError:
        pass
    finally:
        Path(aside).unlink()
