"""Asks a language model to judge. Knows nothing of what it is asked to say, or of which models wrote what it judges."""

from typing import TypeVar

from components.endpoint import Answer, Endpoint, Outcome, Request, Shape, Unanswered, first_object, tell
from components.records.errors import BadInput
from components.records.messages import Message

MOST = (
    12_000  # characters of an answer, and of the conversation, that are judged; the middle of a longer one is left out
)
ENOUGH = 0.5  # of what was asked; where more is missing, something is wrong that a person can mend

Said = TypeVar("Said", bound=Shape)


def ask(endpoint: Endpoint, questions: list[Request], shape: type[Said]) -> list[Said | None]:
    """What the model says to each of n questions; None where it refuses, garbles or fails, which the terminal tells.

    Raises:
        BadInput: fewer than half have an answer; or as `Endpoint.ask`.
    """
    told = [_read(outcome, shape) for outcome in endpoint.ask(questions, "A language model judges the answers")]
    missing = [each.reason for each in told if isinstance(each, Unanswered)]
    tell("Answers that a model was to judge", missing, len(questions))
    if len(missing) > (1 - ENOUGH) * len(questions):
        what = f"only {len(questions) - len(missing)} of {len(questions)} verdicts were given; {missing[0]}"
        raise BadInput(what, "evaluate.judge", "Name an endpoint.model that can judge, or let it be asked more.")
    return [None if isinstance(each, Unanswered) else each for each in told]


def recall(endpoint: Endpoint, questions: list[Request], shape: type[Said]) -> list[Said | None]:
    """What the model said to each of n questions before; None where it was not asked or did not say."""
    return [
        first_object(outcome.text, shape) if isinstance(outcome, Answer) else None
        for outcome in endpoint.recall(questions)
    ]


def conversation(prompt: list[Message]) -> str:
    """A prompt as a judge reads it: with who said what, and without its middle where it is long."""
    return shortened("\n\n".join(f"{message['role']}: {message['content']}" for message in prompt))


def shortened(text: str) -> str:
    """A text without its middle where it is long."""
    return text if len(text) <= MOST else f"{text[: MOST // 2]} […] {text[-MOST // 2 :]}"


def _read(outcome: Outcome, shape: type[Said]) -> Said | Unanswered:
    if isinstance(outcome, Unanswered):
        return outcome
    return first_object(outcome.text, shape) or Unanswered("the reply is not the JSON that was asked for", "model")
