"""Events as lines of JSON. Knows enough of them to name a caller's mistake; the service has the last word."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

Kind = Literal["thumb", "rating", "choice", "edit", "regenerate", "followup", "copy", "abandon", "comment", "report"]
Conversation = str | Sequence[Mapping[str, str]]
Time = datetime | str | float

NEEDS = {
    "thumb": "score",
    "rating": "score",
    "choice": "other",
    "edit": "text",
    "followup": "text",
    "comment": "text",
}


def interaction(fields: Mapping[str, Any]) -> bytes:
    """An interaction as a line.

    Raises:
        ValueError: it could never be taken.
        TypeError: something in it is not JSON.
    """
    for key in ("prompt", "response"):
        if not fields[key]:
            raise ValueError(f"an interaction needs a {key}")
    return _line({"type": "interaction", **fields})


def feedback(fields: Mapping[str, Any]) -> bytes:
    """A piece of feedback as a line.

    Raises:
        ValueError: it could never be taken.
        TypeError: something in it is not JSON.
    """
    kind, score = fields["kind"], fields["score"]
    if kind not in get_args(Kind):
        raise ValueError(f"kind is {kind!r}, must be one of {', '.join(get_args(Kind))}")
    if not fields["interaction"]:
        raise ValueError("feedback needs the id of the interaction it is about")
    needed = NEEDS.get(kind)
    if needed and fields[needed] in (None, ""):
        raise ValueError(f"a {kind} needs {needed}")
    if kind == "thumb" and score not in (-1, 1):
        raise ValueError(f"the score of a thumb is {score}, must be -1 or 1")
    if score is not None and not -1 <= score <= 1:
        raise ValueError(f"score is {score}, must be between -1 and 1")
    return _line({"type": "feedback", **fields})


def _line(event: Mapping[str, Any]) -> bytes:
    said = {key: value for key, value in event.items() if value is not None}
    said["created_at"] = _time(said["created_at"])
    text = json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Half of a surrogate pair is no character, and no store takes it.
    return text.encode("utf-8", "replace") + b"\n"


def _time(given: Time) -> str | float:
    if isinstance(given, datetime):
        return given.astimezone().isoformat()
    if isinstance(given, float) and not math.isfinite(given):
        raise ValueError(f"created_at is {given}, must be a time")
    return given
