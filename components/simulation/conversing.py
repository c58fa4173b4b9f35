"""Lets many simulated users sit before a living assistant at once. Knows nothing of how it is reached."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from components.records.messages import Message
from components.simulation.population import Person
from components.simulation.session import Answer, Did, Session

AT_ONCE = 64

Ask = Callable[[Person, list[Message], int], Awaitable[Answer]]
"""Gets an answer to a prompt; the number is the seed to draw it from."""

Tell = Callable[[dict[str, Any]], None]
"""Takes a piece of feedback, as a line of heed's event format."""


async def converse(
    sittings: Iterable[tuple[Person, Session]], ask: Ask, tell: Tell, seed: int, advance: Callable[[int], None]
) -> None:
    """Hold every sitting to its end, AT_ONCE of them at a time.

    Args:
        sittings: who sits down, and what they will say and do.
        ask: reaches the assistant.
        tell: reaches whoever keeps feedback.
        seed: of the answers; the same sittings, model and seed are given the same answers, in whatever order.
        advance: is told how many sittings are over.
    """
    waiting = asyncio.Semaphore(AT_ONCE)
    over = 0

    async def sit(number: int, person: Person, sitting: Session) -> None:
        nonlocal over
        async with waiting:
            asked = 0
            step = next(sitting, None)
            while step is not None:
                if isinstance(step, Did):
                    tell(step.event)
                    step = _after(sitting, None)
                else:
                    answer = await ask(person, step.prompt, (seed << 24) + (number << 4) + asked)
                    asked += 1
                    step = _after(sitting, answer)
            over += 1
            advance(over)

    async with asyncio.TaskGroup() as group:
        for number, (person, sitting) in enumerate(sittings):
            group.create_task(sit(number, person, sitting))


def _after(sitting: Session, answer: Answer | None) -> Any:
    """The next step of a sitting, None where it is over."""
    try:
        return sitting.send(answer)
    except StopIteration:
        return None
