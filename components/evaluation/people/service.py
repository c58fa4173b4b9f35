"""The page on which one person judges pairs: serves it, and takes in each verdict. Knows nothing of whose a side is."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel
from starlette.middleware.trustedhost import TrustedHostMiddleware

from components.evaluation.people.pairs import Better, Pair
from components.evaluation.people.verdicts import Verdict
from components.pages import LOOK, filled
from components.records.errors import BadInput
from components.services.listening import Server, address, bound, stopping

HOST = "127.0.0.1"
BACKLOG = 128
LAST_SECONDS = 5
"""How long a verdict that is being kept may still take once the page is told to end."""

PAGE = Path(__file__).parent / "page"
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Said(BaseModel):
    """What the page sends.

    Attributes:
        id: of the pair.
        better: which side.
        why: in the person's words.
    """

    id: str
    better: Better
    why: str = ""


def serve(
    pairs: Sequence[Pair],
    before: Mapping[str, Verdict],
    keep: Callable[[Verdict], None],
    port: int,
    ready: Callable[[str], None],
) -> None:
    """Serve the page on this machine until SIGINT or SIGTERM.

    Args:
        pairs: to judge, in this order.
        before: what the person has said of them already.
        keep: puts a verdict where nothing is lost; it is acknowledged when this returns.
        port: 0 for any that is free.
        ready: is told the address as soon as the page answers.

    Raises:
        BadInput: the port is taken.
    """
    try:
        listening = bound(HOST, port, BACKLOG)
    except OSError as error:
        fix = "Stop what listens there, or leave --port out to take any that is free."
        raise BadInput(f"cannot listen there: {error.strerror}", f"--port {port}", fix) from None
    config = uvicorn.Config(
        application(pairs, before, keep),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=LAST_SECONDS,
    )
    server = Server(config, lambda: ready(address(listening)))
    # uvicorn raises the signal again that has stopped it, and to stop is all that was asked for.
    with stopping(server), suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


def application(pairs: Sequence[Pair], before: Mapping[str, Verdict], keep: Callable[[Verdict], None]) -> FastAPI:
    """The page as an application; see `serve`."""
    said = dict(before)
    known = {pair.id for pair in pairs}
    app = FastAPI(openapi_url=None)
    # A page elsewhere could have its name lead here, and read the answers.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])

    @app.get("/pairs")
    def all_pairs() -> list[dict[str, Any]]:
        return [_shown(pair, said.get(pair.id)) for pair in pairs]

    @app.post("/verdicts", status_code=204)
    def verdict(given: Said) -> None:
        if given.id not in known:
            raise HTTPException(404, f"there is no pair {given.id}")
        kept = Verdict(id=given.id, better=given.better, why=given.why.strip(), on="page")
        keep(kept)
        said[given.id] = kept

    page = filled(PAGE / "index.html")

    @app.get("/")
    def index() -> HTMLResponse:
        return HTMLResponse(page, headers=HEADERS)

    for file in (LOOK, PAGE / "page.css", PAGE / "page.js"):
        app.add_api_route(f"/{file.name}", _static(file))
    return app


def _static(file: Path) -> Callable[[], FileResponse]:
    return lambda: FileResponse(file, headers=HEADERS)


def _shown(pair: Pair, verdict: Verdict | None) -> dict[str, Any]:
    better: Literal["left", "right", "tie"] | None = verdict.better if verdict else None
    return {
        "id": pair.id,
        "prompt": pair.prompt,
        "left": pair.left,
        "right": pair.right,
        "better": better,
        "why": verdict.why if verdict else "",
    }
