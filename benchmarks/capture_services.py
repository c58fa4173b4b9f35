"""The two services that `benchmarks.capture` compares, each as a process of its own.

    python -m benchmarks.capture_services heed|peer FOLDER [SETTING…]

The peer is what one would write first with the same libraries: FastAPI takes an event as a pydantic model, SQLAlchemy
adds it as a row and commits, on SQLite with the same promises (WAL, synchronous=FULL). It masks and hashes nothing.
Prints the port once it answers.
"""

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel
from sqlalchemy import JSON, Engine, String, create_engine, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from components.config import load
from components.feedback.capture.server import serve
from components.workspace import Workspace


class Message(BaseModel):
    role: str
    content: str


class Interaction(BaseModel):
    type: str
    id: str
    prompt: list[Message]
    response: str
    model: str
    user: str
    created_at: str


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "interactions"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


def peer(folder: Path) -> FastAPI:
    """The peer's application."""
    engine = create_engine(f"sqlite:///{folder / 'peer.db'}", connect_args={"timeout": 60}, pool_size=40)
    event.listen(engine, "connect", _promise)
    Base.metadata.create_all(engine)
    app = FastAPI()

    @app.post("/v1/interactions", status_code=201)
    def interaction(told: Interaction) -> dict[str, str]:
        return {"id": told.id, "status": _kept(engine, told)}

    @app.post("/v1/batch")
    async def batch(request: Request) -> Any:
        lines = [Interaction.model_validate_json(line) for line in (await request.body()).splitlines()]
        with Session(engine) as session:
            session.add_all(Row(id=told.id, body=told.model_dump()) for told in lines)
            session.commit()
        return [{"id": told.id, "status": "stored"} for told in lines]

    return app


def _promise(connection: Any, _: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _kept(engine: Engine, told: Interaction) -> str:
    with Session(engine) as session:
        session.add(Row(id=told.id, body=told.model_dump()))
        try:
            session.commit()
        except IntegrityError:
            return "duplicate"
    return "stored"


def _serve_peer(folder: Path, ready: Callable[[str], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ready(f"http://127.0.0.1:{listening.getsockname()[1]}")
        uvicorn.Server(uvicorn.Config(peer(folder), log_level="warning", access_log=False)).run(sockets=[listening])


def main() -> None:
    which, folder, *settings = sys.argv[1:]

    def ready(address: str) -> None:
        print(address.rsplit(":", 1)[1], flush=True)

    if which == "heed":
        overrides = ("capture.port=0", "capture.requests_per_second=1000000", *settings)
        serve(Workspace(Path(folder), load(None, environment={}, overrides=overrides)), ready=ready)
    else:
        _serve_peer(Path(folder), ready)


if __name__ == "__main__":
    main()
