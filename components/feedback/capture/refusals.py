"""What a caller is told when something is not done, always in one shape. Knows nothing of why."""

import logging
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route

from components.feedback.capture.events import Unfit
from components.feedback.capture.store import StoreDown

SEND_AGAIN_SECONDS = 2

log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that is not done.

    Attributes:
        status: the HTTP status, 4xx or 503.
        what: what is wrong.
        where: the header, key or part of the request it is wrong in.
        fix: what to do about it.
        headers: to go with it.
    """

    def __init__(self, status: int, what: str, where: str, fix: str, headers: dict[str, str] | None = None) -> None:
        self.status, self.what, self.where, self.fix, self.headers = status, what, where, fix, headers
        super().__init__(what)


def answer_with(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(orjson.dumps(content), status, headers, "application/json")


def install(app: FastAPI) -> None:
    """Let an application answer every error in the one shape."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return _answer(error)

    @app.exception_handler(Unfit)
    async def unfit(_: Request, error: Exception) -> Response:
        assert isinstance(error, Unfit)
        return _answer(Refused(400 if error.malformed else 422, error.what, error.where, "Correct it; see /docs."))

    @app.exception_handler(StoreDown)
    async def down(_: Request, error: Exception) -> Response:
        log.warning("the store does not answer: %s", error)
        return _answer(not_stored())

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, _: Exception) -> Response:
        return _answer(Refused(400, "the request ended before its body did", "body", "Send the whole of it."))

    @app.exception_handler(HTTPException)
    async def unrouted(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        where = f"{request.method} {request.url.path}"
        if error.status_code != 405:
            return _answer(Refused(404, "there is nothing at this address", where, "See /docs for what there is."))
        allowed = ", ".join(sorted(_methods(app, request)))
        return _answer(Refused(405, "this is no method of this address", where, f"Use {allowed}.", {"allow": allowed}))

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        return _answer(Refused(500, "something unforeseen happened", request.url.path, "The service's log says more."))


def _methods(app: FastAPI, request: Request) -> set[str]:
    """What may be done at an address; it may have a route for each method."""
    found = (
        route for route in app.routes if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE
    )
    return {method for route in found for method in route.methods or ()}


def not_stored() -> Refused:
    """What is said while the store does not answer."""
    return Refused(
        503,
        "the store does not answer, so nothing was stored",
        "store",
        "Send it again.",
        {"retry-after": str(SEND_AGAIN_SECONDS)},
    )


def _answer(refusal: Refused) -> Response:
    # `message` is what clients of the OpenAI protocol show.
    message = f"{refusal.what} ({refusal.where}). {refusal.fix}"
    error = {"what": refusal.what, "where": refusal.where, "fix": refusal.fix, "message": message}
    return answer_with({"error": error}, refusal.status, refusal.headers)
