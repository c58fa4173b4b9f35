"""Takes JSON out of what a language model says around it. Knows nothing of what it means."""

import json
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

OPENINGS = 50  # braces that are looked at: one may open prose, code or a formula
DECODER = json.JSONDecoder(strict=False)  # models break lines inside texts


class Shape(BaseModel):
    """A JSON object that is asked for. Servers that can hold a model to one want it closed, with no key left open; what
    a model adds all the same is passed over."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False}, allow_inf_nan=False)


Wanted = TypeVar("Wanted", bound=Shape)


def first_object(text: str, shape: type[Wanted]) -> Wanted | None:
    """The first JSON object of this shape, whatever prose or fences stand around it; None where there is none."""
    start = text.find("{")
    for _ in range(OPENINGS):
        if start < 0:
            return None
        end = start + 1
        try:
            found, end = DECODER.raw_decode(text, start)
            # By way of JSON again, because a text read by Python can hold halves of characters, and this refuses them.
            return shape.model_validate_json(json.dumps(found))
        except (ValueError, RecursionError):  # no JSON, numbers too long for Python, another shape
            start = text.find("{", end)
    return None
