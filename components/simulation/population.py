"""Users who talk to a model and leave feedback of every kind, some of it by a slip of the finger.

Everything follows from a seed: the same seed and the same answers give the same records, ids and times included.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from components.records.messages import Message
from components.records.schemas import Feedback, Interaction, as_records, dtypes
from components.simulation import wordings, world
from components.simulation.session import Answer, Did, Session, session

Assistant = Callable[[list[list[Message]]], list[str]]
"""Answers each prompt once; asked twice, it may answer differently."""

SHARES = {"curious": 0.6, "hurried": 0.4}
FLIPPED = 0.05  # of feedback says the opposite of what the user means
USERS = 200
BEGINNING = datetime(2026, 1, 5, 8, tzinfo=UTC)
BETWEEN_SITTINGS, BETWEEN_STEPS = timedelta(seconds=60), timedelta(seconds=4)


@dataclass(frozen=True)
class Landed:
    """What a round of talking leaves behind.

    Attributes:
        interactions: records of `Interaction`.
        feedback: records of `Feedback`.
        meant: records of `Feedback` as it would have been without any slip; only a simulation knows.
    """

    interactions: pl.DataFrame
    feedback: pl.DataFrame
    meant: pl.DataFrame


@dataclass(frozen=True)
class Person:
    """A user.

    Attributes:
        name: as it is recorded.
        group: a key of `TASTES`.
    """

    name: str
    group: str


def talk(assistant: Assistant, model: str, conversations: int, seed: int, noise: float = FLIPPED) -> Landed:
    """Let users ask, read and react.

    Args:
        assistant: the model they talk to.
        model: the name of its version, as it is recorded.
        conversations: how many sittings there are: one question each, with one to a few answers.
        seed: who asks what, and how they react.
        noise: the share of feedback that says the opposite of what the user means.
    """
    begin = BEGINNING + timedelta(days=seed % 365)
    open_ = [
        _Recorded(person, sitting, begin + index * BETWEEN_SITTINGS)
        for index, (person, sitting) in enumerate(sittings(conversations, seed, noise))
    ]
    rounds = []
    while asking := [recorded for recorded in open_ if recorded.prompt]:
        answers = assistant([recorded.prompt for recorded in asking])
        rounds.append(_interactions(asking, answers, model))
        for recorded, text, known_as in zip(asking, answers, rounds[-1]["id"], strict=True):
            recorded.hear(Answer(text, known_as))
    return Landed(
        interactions=pl.concat(rounds).sort("created_at", maintain_order=True),
        feedback=_feedback([event for recorded in open_ for event in recorded.said]),
        meant=_feedback([event for recorded in open_ for event in recorded.meant]),
    )


def sittings(count: int, seed: int, noise: float) -> list[tuple[Person, Session]]:
    """Who sits down, and what each of them will do; whoever records them drives the sessions (see `session`)."""
    draws = [np.random.default_rng([seed, index, 3]) for index in range(count)]
    return [(person := _anybody(draw), session(person.name, person.group, noise, draw)) for draw in draws]


def _anybody(draw: np.random.Generator) -> Person:
    group = str(draw.choice(list(SHARES), p=list(SHARES.values())))
    return Person(f"{group}-{draw.integers(USERS)}", group)


def scripted(seed: int) -> Assistant:
    """An assistant that needs no model: it answers from the world's own sentences."""
    draw = np.random.default_rng([seed, 1])
    return lambda prompts: [world.answer(prompt, draw) for prompt in prompts]


def conversations(count: int, seed: int) -> pl.DataFrame:
    """Conversations to learn the language from: a column `messages`, `count` rows; in some the user complains."""
    draw = np.random.default_rng([seed, 2])
    return pl.DataFrame({"messages": [_overheard(draw) for _ in range(count)]})


def _overheard(draw: np.random.Generator) -> list[Message]:
    talked = world.prompt(draw)
    talked = [*talked, {"role": "assistant", "content": world.answer(talked, draw)}]
    if draw.random() < 0.15:
        faults = list(wordings.COMPLAINTS)
        complaint = wordings.one(wordings.COMPLAINTS[faults[draw.integers(len(faults))]], draw)
        talked = [*talked, {"role": "user", "content": complaint}]
        talked = [*talked, {"role": "assistant", "content": world.answer(talked, draw)}]
    return talked


class _Recorded:
    """A sitting under way, with what was done in it and when."""

    def __init__(self, person: Person, sitting: Session, begun: datetime) -> None:
        self.person, self.sitting, self.now = person, sitting, begun
        self.said: list[dict[str, Any]] = []
        self.meant: list[dict[str, Any]] = []
        self.prompt: list[Message] = []  # what waits for an answer; empty when the user has left
        self.hear(None)

    def hear(self, answer: Answer | None) -> None:
        """Give the user an answer (None to begin with) and note what they do until they ask again or leave."""
        self.prompt = []
        try:
            step = self.sitting.send(answer)
            while isinstance(step, Did):
                self.now += BETWEEN_STEPS
                self.said.append({**step.event, "created_at": self.now})
                if step.meant is not None:
                    self.meant.append({**step.meant, "created_at": self.now})
                step = self.sitting.send(None)
        except StopIteration:
            return
        self.now += BETWEEN_STEPS
        self.prompt = step.prompt


def _interactions(asking: list[_Recorded], answers: list[str], model: str) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "prompt": [recorded.prompt for recorded in asking],
            "response": [[{"role": "assistant", "content": answer}] for answer in answers],
            "user": [recorded.person.name for recorded in asking],
            "group": [recorded.person.group for recorded in asking],
            "created_at": [recorded.now for recorded in asking],
        }
    )
    return as_records(frame.with_columns(model=pl.lit(model), source=pl.lit("simulation")), Interaction)


def _feedback(events: list[dict[str, Any]]) -> pl.DataFrame:
    types = {name: dtype for name, dtype in dtypes(Feedback).items() if name not in ("id", "source")}
    frame = pl.DataFrame([{name: event.get(name) for name in types} for event in events], schema=types)
    return as_records(frame.with_columns(source=pl.lit("simulation")), Feedback).sort("created_at", maintain_order=True)
