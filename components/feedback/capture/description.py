"""The service described as OpenAPI: what each address takes and answers. Knows nothing of how it is done."""

from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field, TypeAdapter

from components.feedback.capture.events import FEEDBACK, INTERACTION, Form

SUMMARY = "Takes in what users say and do, and passes chats on to the model behind it."
REF = "#/components/schemas/{model}"

Json = dict[str, Any]
Responses = dict[int | str, Json]


class Receipt(BaseModel):
    """What came of one event; it is committed."""

    id: str
    status: Literal["stored", "duplicate"]
    masked: int = Field(ge=0, description="pieces of personal data that were masked before it was written")


class Verdict(BaseModel):
    """What came of one line of a batch."""

    line: int = Field(ge=1)
    id: str | None = None
    status: Literal["stored", "duplicate", "refused", "failed"] = Field(
        description="stored, duplicate: committed; refused: it is no event; failed: send it again"
    )
    reason: str | None = None
    masked: int | None = None


class Why(BaseModel):
    what: str
    where: str
    fix: str


class Problem(BaseModel):
    """Why something was not done, where the mistake is, and what to do about it."""

    error: Why


class UpstreamWhy(BaseModel):
    message: str
    type: str
    param: str | None
    code: str


class UpstreamProblem(BaseModel):
    """Why there is no reply of the model, in the shape that OpenAI's clients read."""

    error: UpstreamWhy


class State(BaseModel):
    status: Literal["alive", "ready"]


FORMS: dict[str, Form] = {
    "Interaction": INTERACTION,
    "Feedback": FEEDBACK,
    **{model.__name__: TypeAdapter(model) for model in (Receipt, Verdict, Problem, UpstreamProblem, State)},
}

REFUSALS = {
    400: "Malformed.",
    401: "A key is needed, or this one is not valid.",
    403: "The key may not do this.",
    413: "Too long.",
    415: "Of another type, or in another encoding.",
    422: "JSON, but no such event.",
    429: "Too many requests; Retry-After says how long to wait.",
    503: "The store does not answer; nothing was kept, send it again.",
}
KEYED = (401, 403, 429, 503)
"""What may be answered wherever a key may be needed."""

SECURITY: list[Json] = [{}, {"bearer": []}, {"heed-key": []}]
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of heed's, needed as soon as there is one."},
    "heed-key": {"type": "apiKey", "in": "header", "name": "heed-key", "description": "The same, in its own header."},
}


def of(method: str, path: str) -> Json:
    """What FastAPI is told about a route."""
    return ROUTES[f"{method} {path}"]


def whole(app: FastAPI) -> Json:
    """The description of the whole application."""
    if app.openapi_schema is None:
        described = get_openapi(title=app.title, version=app.version, summary=SUMMARY, routes=app.routes)
        described["components"] = {"schemas": _schemas(), "securitySchemes": SCHEMES}
        app.openapi_schema = described
    return app.openapi_schema


def _schemas() -> Json:
    names, definitions = TypeAdapter.json_schemas(
        [(name, "validation", form) for name, form in FORMS.items()], ref_template=REF
    )
    schemas: Json = dict(definitions.get("$defs", {}))
    for (name, _), schema in names.items():
        if schema != {"$ref": REF.format(model=name)}:
            schemas[name] = schema
    schemas["Event"] = {
        "description": "An interaction or a piece of feedback, which its type tells.",
        "oneOf": [{"allOf": [_ref(name), {"required": ["type"]}]} for name in ("Interaction", "Feedback")],
    }
    return schemas


def _ref(name: str) -> Json:
    return {"$ref": REF.format(model=name)}


def _schema(name: str) -> Json:
    return {"schema": _ref(name)}


def _answer(description: str, schema: str, media_type: str = "application/json") -> Json:
    return {"description": description, "content": {media_type: _schema(schema)}}


def _refusals(*statuses: int) -> Responses:
    return {status: _answer(REFUSALS[status], "Problem") for status in sorted(statuses)}


def _body(schema: Json, media_type: str) -> Json:
    return {"requestBody": {"required": True, "content": {media_type: schema}}}


def _lines(schema: str) -> Json:
    """Lines of JSON, which OpenAPI has no other word for than a list."""
    return {"application/x-ndjson": {"schema": {"type": "array", "minItems": 1, "items": _ref(schema)}}}


def _route(summary: str, responses: Responses, extra: Json | None = None, keyed: bool = True) -> Json:
    return {
        "summary": summary,
        "responses": responses,
        "status_code": min(status for status in responses if isinstance(status, int)),
        "response_model": None,
        "openapi_extra": {**(extra or {}), **({"security": SECURITY} if keyed else {})},
    }


def _event(what: str, schema: str) -> Json:
    return _route(
        f"Take in {what}",
        {
            200: _answer("An event of this id is there already; that one is kept.", "Receipt"),
            201: _answer("Committed.", "Receipt"),
            **_refusals(400, 413, 415, 422, *KEYED),
        },
        _body(_schema(schema), "application/json"),
    )


def _parameter(name: str, where: str, description: str, **schema: Any) -> Json:
    return {
        "name": name,
        "in": where,
        "required": where == "path" or name == "interaction",
        "description": description,
        "schema": {"type": "string", **schema},
    }


UPSTREAM_FAILURES: Responses = {
    status: _answer(told, "UpstreamProblem")
    for status, told in ((502, "The upstream did not answer."), (504, "The upstream did not answer in time."))
}
NO_UPSTREAM: Json = {
    "description": "There is no upstream (in OpenAI's shape), or the key is not known and the store does not answer.",
    "content": {"application/json": {"schema": {"anyOf": [_ref(name) for name in ("UpstreamProblem", "Problem")]}}},
}
PASSED_BACK: Json = {"description": "Whatever the upstream answers."}

ROUTES: dict[str, Json] = {
    "POST /v1/interactions": _event("an interaction", "Interaction"),
    "POST /v1/feedback": _event("a piece of feedback", "Feedback"),
    "POST /v1/batch": _route(
        "Take in a batch of events, one JSON object a line, each with its `type`",
        {
            200: {"description": "One verdict a line, in order, as soon as it is known.", "content": _lines("Verdict")},
            **_refusals(400, 413, 415, *KEYED),
        },
        {"requestBody": {"required": True, "content": _lines("Event")}},
    ),
    "GET /v1/interactions/{id:path}": _route(
        "An interaction as it is kept: masked, its user hashed",
        {
            200: _answer("The event.", "Interaction"),
            404: _answer("There is none of this id.", "Problem"),
            **_refusals(*KEYED),
        },
        {"parameters": [_parameter("id", "path", "the interaction's id", minLength=1)]},
    ),
    "GET /v1/feedback": _route(
        "The feedback about an interaction, in the order it came",
        {
            200: {
                "description": "The events.",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {"feedback": {"type": "array", "items": _ref("Feedback")}},
                            "required": ["feedback"],
                        }
                    }
                },
            },
            **_refusals(400, *KEYED),
        },
        {"parameters": [_parameter("interaction", "query", "the interaction's id", minLength=1)]},
    ),
    "POST /v1/chat/completions": _route(
        "Pass a chat on to the model; the reply's header heed-interaction is the id under which it is kept",
        {
            200: {
                **PASSED_BACK,
                "headers": {"heed-interaction": {"schema": {"type": "string"}, "description": "the interaction's id"}},
                "content": {"application/json": {"schema": {}}, "text/event-stream": {"schema": {}}},
            },
            "default": PASSED_BACK,
            **_refusals(401, 403, 413, 429),
            **UPSTREAM_FAILURES,
            503: NO_UPSTREAM,
        },
        {
            **_body({"schema": {"type": "object", "properties": {"messages": {"type": "array"}}}}, "application/json"),
            "parameters": [
                _parameter("heed-user", "header", "who asks; wins over the body's `user`; kept only as a keyed hash"),
                _parameter("heed-group", "header", "the group of users they belong to"),
                _parameter(
                    "heed-interaction", "header", "the id to keep it under; otherwise one is made", maxLength=200
                ),
            ],
        },
    ),
    "GET /v1/models": _route(
        "Ask the upstream which models there are",
        {
            200: {**PASSED_BACK, "content": {"application/json": {"schema": {}}}},
            "default": PASSED_BACK,
            **_refusals(401, 403, 429),
            **UPSTREAM_FAILURES,
            503: NO_UPSTREAM,
        },
    ),
    "GET /healthz": _route("Whether the process lives", {200: _answer("It does.", "State")}, keyed=False),
    "GET /readyz": _route(
        "Whether events can be kept",
        {200: _answer("They can.", "State"), 503: _answer("They cannot.", "Problem")},
        keyed=False,
    ),
    "GET /metrics": _route(
        "What the service counts, for Prometheus",
        {
            200: {"description": "Counters.", "content": {"text/plain": {"schema": {"type": "string"}}}},
            **_refusals(*KEYED),
        },
    ),
}
