"""Events as they come in: what each may say, checked key by key. Knows nothing of masking, the store or HTTP.

They are `TypedDict`s and not models, because most of what is asked of this service is to read them quickly.
"""

import json
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Required, get_args

import msgspec
from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    with_config,
)
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

SHAPE = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
SAYS_SOMETHING = r"\S"

# As OpenAPI tells them. A NUL is looked for in the whole line: a pattern for each text takes longer than all the rest.
NO_NUL = {"pattern": r"^[^\x00]*$"}
NO_NUL_NOR_BLANK = {"pattern": r"^[^\x00]*[^\s\x00][^\x00]*$"}
NAME_LENGTH = 200
END_OF_YEAR_9999 = 253402300799
TIME_EXPECTED = "must be a time as 2026-01-31T12:00:00Z or in seconds since 1970"
QUOTE = "'"
NUL = rb"\u0000"


def _utc(value: str | float) -> str:
    """A time as the store keeps it, whichever way it was written."""
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value.strip().upper())
            time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
        else:
            time = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError):
        raise ValueError(TIME_EXPECTED) from None
    return time.isoformat()


def _up_or_down(score: float) -> float:
    if score not in (-1, 1):
        raise ValueError("must be -1 or 1")
    return score


def _asks(messages: list["Message"]) -> list["Message"]:
    if messages[-1]["role"] == "assistant":
        raise ValueError("ends with the assistant, so there is nothing to answer")
    return messages


Id = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH),
    Field(json_schema_extra=NO_NUL_NOR_BLANK),
]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=NAME_LENGTH), Field(json_schema_extra=NO_NUL)]
Words = Annotated[str, StringConstraints(pattern=SAYS_SOMETHING), Field(json_schema_extra=NO_NUL_NOR_BLANK)]
AnyWords = Annotated[str, Field(json_schema_extra=NO_NUL)]
Score = Annotated[float, Field(ge=-1, le=1)]
Thumb = Annotated[float, Field(json_schema_extra={"enum": [-1, 1]}), AfterValidator(_up_or_down)]
Time = Annotated[
    Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    | Annotated[float, Field(ge=0, le=END_OF_YEAR_9999)],
    AfterValidator(_utc),
]


@with_config(SHAPE)
class Message(TypedDict):
    """One message of a prompt."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Words


@with_config(SHAPE)
class Answer(TypedDict):
    """One message of a response."""

    role: Literal["assistant", "tool"]
    content: Words


Prompt = Annotated[
    Words | Annotated[list[Message], Field(min_length=1), AfterValidator(_asks)], Field(union_mode="left_to_right")
]
Response = Annotated[Words | Annotated[list[Answer], Field(min_length=1)], Field(union_mode="left_to_right")]


@with_config(SHAPE)
class Interaction(TypedDict, total=False):
    """One prompt, and the response a model gave."""

    type: Literal["interaction"]
    id: Id | None
    prompt: Required[Prompt]
    response: Required[Response]
    model: Name | None
    user: Name | None
    group: Name | None
    language: Name | None
    source: Name | None
    created_at: Time | None


@with_config(SHAPE)
class Shadow(TypedDict, total=False):
    """What a model answered, unseen by anybody, to what the user of an interaction asked. No caller may send one."""

    type: Literal["shadow"]
    id: Required[Id]
    shadows: Required[Id]
    response: Required[AnyWords]
    model: Name | None
    user: Name | None
    created_at: Time | None


@with_config(SHAPE)
class _Feedback(TypedDict, total=False):
    type: Literal["feedback"]
    id: Id | None
    interaction: Required[Id]
    aspect: Name | None
    user: Name | None
    group: Name | None
    source: Name | None
    created_at: Time | None


@with_config(SHAPE)
class ThumbFeedback(_Feedback, total=False):
    """A thumb up (1) or down (-1)."""

    kind: Required[Literal["thumb"]]
    score: Required[Thumb]
    other: Id | None
    text: AnyWords | None


@with_config(SHAPE)
class RatingFeedback(_Feedback, total=False):
    """A rating from worst (-1) to best (1), of the whole answer or of one aspect of it."""

    kind: Required[Literal["rating"]]
    score: Required[Score]
    other: Id | None
    text: AnyWords | None


@with_config(SHAPE)
class ChoiceFeedback(_Feedback, total=False):
    """One of two answers preferred to the other."""

    kind: Required[Literal["choice"]]
    score: Score | None
    other: Required[Id]
    position: Annotated[Literal[1, 2], Field(description="where the one preferred was shown")] | None
    text: AnyWords | None


@with_config(SHAPE)
class WordsFeedback(_Feedback, total=False):
    """The text a user made of an answer, what they said next, or what they say about it."""

    kind: Required[Literal["edit", "followup", "comment"]]
    score: Score | None
    other: Id | None
    text: Required[Words]


@with_config(SHAPE)
class DeedFeedback(_Feedback, total=False):
    """What a user did with an answer; for regenerate, `other` is the answer that replaced it."""

    kind: Required[Literal["regenerate", "copy", "abandon", "report"]]
    score: Score | None
    other: Id | None
    text: AnyWords | None


Feedback = Annotated[
    ThumbFeedback | RatingFeedback | ChoiceFeedback | WordsFeedback | DeedFeedback, Discriminator("kind")
]
AnyEvent = Annotated[Interaction | Feedback, Discriminator("type")]

Form = TypeAdapter[Any]
"""What an event has to be."""

INTERACTION: Form = TypeAdapter(Interaction)
FEEDBACK: Form = TypeAdapter(Feedback)
SHADOW: Form = TypeAdapter(Shadow)
EVENT: Form = TypeAdapter(AnyEvent)

PLAIN_INTERACTION: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Interaction)
"""Five times as quick, but it knows types only, and cannot tell well what is wrong."""

INTERACTION_NAMES = ("id", "model", "user", "group", "language", "source")

VARIANTS = (Interaction, ThumbFeedback, RatingFeedback, ChoiceFeedback, WordsFeedback, DeedFeedback)
KEYS = tuple(dict.fromkeys(key for variant in VARIANTS for key in variant.__annotations__))
TYPES = frozenset(("interaction", "feedback"))
KINDS = frozenset(kind for what in VARIANTS[1:] for kind in get_args(get_args(what.__annotations__["kind"])[0]))
WRONG_AS_A_WHOLE = ("union_tag_not_found", "union_tag_invalid", "dict_type")


class Unfit(Exception):
    """This is no event.

    Attributes:
        what: what is wrong with it.
        where: the key that is wrong, or "body".
        malformed: whether it cannot be read as JSON at all.
    """

    def __init__(self, what: str, where: str = "body", malformed: bool = False) -> None:
        self.what, self.where, self.malformed = what, where, malformed
        super().__init__(what)


def parse(line: bytes, form: Form) -> dict[str, Any]:
    """Read one event.

    Args:
        line: JSON, UTF-8.
        form: `INTERACTION`, `FEEDBACK`, or `EVENT` where its `type` says which of them it is.

    Raises:
        Unfit: it is none.
    """
    try:
        event = form.validate_json(line)
    except ValidationError as error:
        raise _unfit(error) from None
    if line.count(b'":') - line.count(b'\\":') != _keys_in(event):
        _refuse_repeated_keys(line)
    if NUL in line:
        _refuse_nul(event)
    return event


def parse_either(line: bytes) -> dict[str, Any]:
    """`parse(line, EVENT)`, by a short way where the line is an interaction as most applications write it.

    Raises:
        Unfit: it is no event.
    """
    return _plain_interaction(line) or parse(line, EVENT)


def _plain_interaction(line: bytes) -> dict[str, Any] | None:
    """None for whatever is not beyond doubt. The short way leaves out what it does not know, so keys are counted."""
    try:
        event = PLAIN_INTERACTION.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if "type" not in event or line.count(b'":') != _keys_in(event) or NUL in line:
        return None
    if not all(_plain_name(event[key]) for key in INTERACTION_NAMES if key in event):
        return None
    if not (_plain_words(event["prompt"]) and _plain_words(event["response"])):
        return None
    if isinstance(event["prompt"], list) and event["prompt"][-1]["role"] == "assistant":
        return None
    if isinstance(time := event.get("created_at"), str):
        try:
            event["created_at"] = _utc(time)
        except ValueError:
            return None
    elif time is not None:
        return None
    return event


def _plain_name(name: str | None) -> bool:
    return name is None or (0 < len(name) <= NAME_LENGTH and name == name.strip())


def _plain_words(said: str | list[dict[str, str]]) -> bool:
    if isinstance(said, str):
        return bool(said) and not said.isspace()
    return bool(said) and not any(not message["content"] or message["content"].isspace() for message in said)


def _keys_in(event: dict[str, Any]) -> int:
    """How many keys the JSON of an event must have had if none was written twice."""
    spoken = (event.get("prompt"), event.get("response"))
    return len(event) + sum(2 * len(messages) for messages in spoken if isinstance(messages, list))


def _refuse_repeated_keys(line: bytes) -> None:
    """The counting before this is quick but takes unusual spacing for a repetition; this is sure."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise Unfit(f"{twice} is there twice, so one of them would be lost", twice)
        return dict(pairs)

    json.loads(line, object_pairs_hook=once)


def _refuse_nul(event: dict[str, Any]) -> None:
    """The line has the six signs of one, which may stand for themselves."""
    for key, value in event.items():
        texts = [message["content"] for message in value] if isinstance(value, list) else [value]
        if any(isinstance(text, str) and "\0" in text for text in texts):
            raise Unfit(f"{key} has a NUL character in it", key)


def _unfit(error: ValidationError) -> Unfit:
    details = error.errors(include_url=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        return Unfit(f"not JSON: {details[0]['ctx']['error']}", malformed=True)
    told: dict[str, str] = {}
    for detail in details:
        where = _where(detail)
        # A text or a list is tried as both: of the two complaints the one that looks inside is the one that helps.
        if where not in told or detail["type"] not in ("string_type", "list_type"):
            told[where] = _what(detail, where)
    inside = {where.split(".")[0] for where in told if "." in where}
    reasons = {where: what for where, what in told.items() if where not in inside}
    rest = f" (and {len(reasons) - 3} more)" if len(reasons) > 3 else ""
    return Unfit("; ".join(list(reasons.values())[:3]) + rest, next(iter(reasons)))


def _where(detail: ErrorDetails) -> str:
    """The path to what is wrong, as prompt.0.content, without the names that pydantic gives to its ways of reading."""
    loc = list(detail["loc"])
    for tags in (TYPES, KINDS):
        if loc and loc[0] in tags and (len(loc) > 1 or detail["type"] in WRONG_AS_A_WHOLE):
            loc.pop(0)
    key, *within = loc or ["body"]
    path = [str(part) for part in within if isinstance(part, int) or part in ("role", "content")]
    return ".".join([str(key), *path])[:200]


def _what(detail: ErrorDetails, where: str) -> str:
    context = detail.get("ctx", {})
    if where == "created_at":
        return f"created_at {TIME_EXPECTED}"
    match detail["type"]:
        case "missing":
            return f"{where} is missing"
        case "extra_forbidden":
            near = get_close_matches(where, KEYS, n=1)
            return f"{where} is no key of an event" + (f"; did you mean {near[0]}?" if near else "")
        case "union_tag_not_found":
            return f"{context['discriminator'].strip(QUOTE)} is missing"
        case "union_tag_invalid":
            key, expected = context["discriminator"].strip(QUOTE), context["expected_tags"].replace(QUOTE, "")
            return f"{key} is {context['tag'][:100]!r}, must be one of {expected}"
        case "string_type" | "list_type" if where in ("prompt", "response"):
            return f"{where} must be a text or a list of messages"
        case "string_type":
            return f"{where} must be a text"
        case "string_pattern_mismatch":
            return f"{where} says nothing"
        case "value_error":
            return f"{where} {context['error']}"
        case "dict_type":
            return "an event must be a JSON object" if where == "body" else f"{where} must be a message"
    return f"{where}: {detail['msg'][0].lower()}{detail['msg'][1:]}"
