"""A real PostgreSQL that lives as long as the tests do."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest


class Postgres:
    """A PostgreSQL server on a Unix socket in a folder of its own, with all its promises kept (fsync is on)."""

    def __init__(self, binaries: Path, folder: Path, user: str | None) -> None:
        self.folder = folder
        # initdb and the server refuse to be run by root.
        self._as = {"cwd": folder, "user": user, "group": user and _group(user), "extra_groups": [] if user else None}
        self._binaries = binaries
        self._databases = count(1)
        self._server: subprocess.Popen[bytes] | None = None
        initdb = [binaries / "initdb", "-D", folder / "data", "-U", "heed", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **self._as)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://heed@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The URL of an empty database: a schema, because that is made and removed a hundred times as fast."""
        name = f"test_{next(self._databases)}"
        with self._connect() as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self.url()}&options=-csearch_path%3D{name}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        import psycopg

        options = ["-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses="]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen([self._binaries / "postgres", *options], stderr=log, **self._as)
        while True:
            try:
                self._connect().close()
                return
            except psycopg.OperationalError:
                assert self._server.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server without waiting for anybody: whoever is connected is cut off."""
        if self._server:
            self._server.send_signal(how)
            self._server.wait()
            self._server = None

    def _connect(self):
        import psycopg

        return psycopg.connect(self.url(), autocommit=True)


def _group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def _unprivileged() -> str | None:
    """Whom to run the server as: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _binaries() -> Path | None:
    """The folder that has the server's programs, the newest version first."""
    on_path = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    folders = [*reversed(installed), *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server; a test that stops it starts it again."""
    pytest.importorskip("psycopg", reason="PostgreSQL needs psycopg, which is not installed")
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed: no initdb on PATH or below /usr/lib/postgresql")
    # In a short path: the socket's may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="heed-postgres-", dir="/tmp"))
    user = _unprivileged()
    try:
        if user:
            shutil.chown(folder, user)
        server = Postgres(binaries, folder, user)
        try:
            server.start()
            yield server
        finally:
            server.stop(signal.SIGQUIT)  # leaves everything as it is, which is about to be deleted
    finally:
        shutil.rmtree(folder, ignore_errors=True)
