"""Users are known by a keyed hash, and the key is one for a workspace, whoever asks first."""

import hashlib
import hmac
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from components.config import load
from components.feedback.capture.users import hash_user, secret_of
from components.records.errors import BadInput
from components.workspace import Workspace

SECRET_OF = """
import sys
from pathlib import Path
from components.config import Settings
from components.feedback.capture.users import secret_of
from components.workspace import Workspace
workspace = Workspace(Path(sys.argv[1]), Settings())
print("ready", flush=True)
sys.stdin.readline()
print(secret_of(workspace).hex())
"""


def test_a_user_is_the_beginning_of_the_keyed_hash_of_their_name() -> None:
    whole = hmac.new(b"key", b"ada@example.com", hashlib.sha256).hexdigest()
    assert hash_user(b"key", "ada@example.com") == whole[:32]
    assert hash_user(b"another key", "ada@example.com") not in whole


def test_a_name_is_the_same_however_it_was_typed() -> None:
    composed, decomposed = "Jos\u00e9", "  Jose\u0301\n"
    assert hash_user(b"key", composed) == hash_user(b"key", decomposed)
    assert len({hash_user(b"key", name) for name in ("José", "jose", "Jose", "José B", "\ud800", "名前")}) == 6
    for nobody in ("", " \t\n", "\u3000"):
        with pytest.raises(ValueError, match="name"):
            hash_user(b"key", nobody)


def test_processes_that_start_at_once_get_one_secret_that_nobody_else_can_read(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SECRET_OF, str(tmp_path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout
        process.stdout.readline()
    secrets = {process.communicate("go\n")[0] for process in processes}

    file = tmp_path / ".heed" / "capture.secret"
    assert secrets == {file.read_bytes().strip().hex() + "\n"}
    assert len(file.read_text().strip()) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["capture.secret"]


def test_the_setting_goes_before_the_file(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, load(None, overrides=("capture.secret=shared by the team",)))
    assert secret_of(workspace) == b"shared by the team"
    assert not (tmp_path / ".heed").exists()


def test_a_secret_that_was_lost_is_not_silently_replaced(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, load(None))
    made = secret_of(workspace)
    assert secret_of(workspace) == made
    (tmp_path / ".heed" / "capture.secret").write_text("")
    with pytest.raises(BadInput, match="empty"):
        secret_of(workspace)
