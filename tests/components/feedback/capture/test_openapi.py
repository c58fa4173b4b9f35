"""The description holds: whatever is made of it, the service answers as it says, and never falls over."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.components.feedback.capture.serving import Service, Upstream, reply, serving, upstream

POSITIVE, NEGATIVE = GenerationMode
CASES = {
    ("POST /v1/interactions", POSITIVE): 300,
    ("POST /v1/interactions", NEGATIVE): 150,
    ("POST /v1/feedback", POSITIVE): 250,
    ("POST /v1/feedback", NEGATIVE): 60,
    ("POST /v1/batch", POSITIVE): 50,
    ("POST /v1/batch", NEGATIVE): 15,
    ("GET /v1/interactions/{id}", POSITIVE): 450,
    ("GET /v1/feedback", POSITIVE): 450,
    ("GET /v1/feedback", NEGATIVE): 60,
    ("POST /v1/chat/completions", POSITIVE): 260,
    ("POST /v1/chat/completions", NEGATIVE): 50,
    ("GET /v1/models", POSITIVE): 1,
    ("GET /healthz", POSITIVE): 1,
    ("GET /readyz", POSITIVE): 1,
    ("GET /metrics", POSITIVE): 1,
}
"""More of what is quickly made; nothing can be made wrong where nothing is taken, nor in a path."""

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@schemathesis.serializer("application/x-ndjson")
def lines(_: schemathesis.SerializationContext, value: Any) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in (value if isinstance(value, list) else [value]))


@schemathesis.deserializer("application/x-ndjson")
def verdicts(_: schemathesis.DeserializationContext, response: schemathesis.Response) -> list[Any]:
    return [json.loads(line) for line in response.text.splitlines()]


@pytest.fixture(scope="module")
def far() -> Iterator[Upstream]:
    with upstream() as script:
        script.answers(reply())
        yield script


@pytest.fixture(scope="module")
def running(far: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("described"), f"capture.upstream={far.url}") as service:
        yield service


def test_two_thousand_requests_made_of_the_description_are_answered_as_it_says(running: Service) -> None:
    schema = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
    operations = {operation.label: operation for operation in (found.ok() for found in schema.get_all_operations())}
    assert set(operations) == {label for label, _ in CASES}
    statuses: Counter[int] = Counter()
    with requests.Session() as session:
        for (label, mode), count in CASES.items():

            @settings(
                max_examples=count,
                derandomize=True,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operations[label].as_strategy(generation_mode=mode))
            def answered_as_described(case: Case) -> None:
                response = case.call(session=session)
                statuses[response.status_code] += 1
                case.validate_response(response, checks=CHECKS)

            answered_as_described()
    assert statuses.total() >= 2000
    assert not [status for status in statuses if status >= 500]
    assert statuses[201] >= 100  # and not for being all refused
    assert statuses[422] >= 100
