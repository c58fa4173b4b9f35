"""What becomes of a request to a language model. Knows nothing of how it is made."""

from dataclasses import dataclass
from typing import Any, Literal

from components.records.errors import BadInput


@dataclass(frozen=True)
class Answer:
    """What the model said.

    Attributes:
        text: without white space around it and without what it thought before; never empty.
    """

    text: str


@dataclass(frozen=True)
class Unanswered:
    """Why there is no answer.

    Attributes:
        reason: for a person; the same words for the same reason.
        cause: what it lies in. "model": it refused, said nothing or was cut off, and would again. "request": the
            server did not take this one. "server": it failed, or took too long. "budget": it was never asked.
    """

    reason: str
    cause: Literal["model", "request", "server", "budget"]


Outcome = Answer | Unanswered


def by_model(outcome: Outcome) -> bool:
    """Whether it is the model's own doing, which another time would not change."""
    return isinstance(outcome, Answer) or outcome.cause == "model"


def read(completion: Any) -> Outcome:
    """What a chat completion says; whatever a server sent in its place is no answer."""
    try:
        choice = completion.choices[0]
        said, refusal, ended = choice.message.content, choice.message.refusal, choice.finish_reason
        if refusal or ended == "content_filter":
            return Unanswered("the model refused", "model")
        if ended == "length":
            return Unanswered("the answer was cut off at the most tokens one may have", "model")
        text = _without_thoughts(said or "").strip()
    except (AttributeError, IndexError, KeyError, TypeError):
        return Unanswered("the reply is no chat completion", "server")
    # JSON can carry halves of characters, which no text can.
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return Answer(whole) if whole else Unanswered("the answer is empty", "model")


def _without_thoughts(text: str) -> str:
    """Without what some servers leave before the answer of a model that thinks aloud; some eat the opening mark."""
    thoughts, end, answer = text.partition("</think>")
    return answer if end and thoughts.rfind("<think>") <= len(thoughts) - len(thoughts.lstrip()) else text


def failure(error: Exception, timeout: float, secret: str) -> Unanswered:
    """Why a request that raised an error of the openai library was not answered.

    Args:
        error: the error, after all retries.
        timeout: what the server was given, in seconds.
        secret: the API key, which servers repeat in what they say is wrong.
    """
    import openai

    if isinstance(error, openai.APITimeoutError):
        return Unanswered(f"no reply within {timeout:g} s", "server")
    if isinstance(error, openai.APIConnectionError):
        return Unanswered("the connection broke", "server")
    if isinstance(error, openai.APIStatusError):
        passing = error.status_code >= 500 or error.status_code in (408, 409, 429)
        return Unanswered(f"HTTP {error.status_code}: {_brief(error, secret)}", "server" if passing else "request")
    return Unanswered(f"the reply cannot be read ({type(error).__name__})", "server")


def mendable(error: Exception, base_url: str, model: str, secret: str) -> BadInput | None:
    """What a person has to put right before any request can be answered; None where the error may pass by itself."""
    import openai

    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        what = f"{base_url} does not let us in: HTTP {error.status_code}: {_brief(error, secret)}"
        return BadInput(
            what, "endpoint.api_key", "Set the key, best as the environment variable HEED_ENDPOINT_API_KEY."
        )
    if isinstance(error, openai.NotFoundError):
        what = f"{base_url} knows no {model!r}: HTTP 404: {_brief(error, secret)}"
        fix = "Name a model it has, or the base URL its chat/completions stands under (often it ends with /v1)."
        return BadInput(what, "endpoint.model", fix)
    # The library below openai's is httpx or httpx2, whichever it found; the names are the same.
    unreached = type(error.__cause__).__name__ in ("ConnectError", "ConnectTimeout")
    if isinstance(error, openai.APIConnectionError) and unreached:
        what = f"cannot connect to {base_url}: {error.__cause__}"
        return BadInput(what, "endpoint.base_url", "Start the server, or name the address it listens at.")
    return None


def _brief(error: Exception, secret: str) -> str:
    """The first line of what a server says is wrong, without the key."""
    import openai

    body = error.body if isinstance(error, openai.APIError) else None
    told = body.get("message") or body.get("detail") if isinstance(body, dict) else body
    lines = str(told or error).strip().splitlines()
    line = lines[0] if lines else "no reason given"
    return (line.replace(secret, "…") if secret else line)[:160]
