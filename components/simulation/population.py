"""Users who talk to a model and leave feedback: thumbs, choices and edits, a few of them by a slip of the finger.

Everything follows from a seed: the same seed and the same answers give the same records, ids and times included.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from components.records.messages import Message
from components.records.schemas import Feedback, Interaction, as_records
from components.simulation import world
from components.simulation.tastes import MANNERS, SENTENCE, TASTES

Assistant = Callable[[list[list[Message]]], list[str]]
"""Answers each prompt once; asked twice, it may answer differently."""

SHARES = {"curious": 0.6, "hurried": 0.4}
FLIPPED = 0.05  # of choices and thumbs say the opposite of what the user likes
CHOICES, EDITS = 0.75, 0.15  # of interactions end in a choice between two answers, in an edit; the rest in a thumb
USERS = 200
BEGINNING = datetime(2026, 1, 5, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Landed:
    """What a round of talking leaves behind.

    Attributes:
        interactions: records of `Interaction`.
        feedback: records of `Feedback`.
    """

    interactions: pl.DataFrame
    feedback: pl.DataFrame


def talk(assistant: Assistant, model: str, conversations: int, seed: int) -> Landed:
    """Let users ask, read and react.

    Args:
        assistant: the model they talk to.
        model: the name of its version, as it is recorded.
        conversations: how many prompts are asked; each is answered twice.
        seed: who asks what, and how they react.
    """
    draw = np.random.default_rng(seed)
    prompts = [world.prompt(draw) for _ in range(conversations)]
    first, second = assistant(prompts), assistant(prompts)
    groups = draw.choice(list(SHARES), size=conversations, p=list(SHARES.values()))
    numbers = draw.integers(USERS, size=conversations)
    moments = [BEGINNING + timedelta(days=seed % 365, seconds=30 * index) for index in range(conversations)]
    told = {
        "user": [f"{group}-{number}" for group, number in zip(groups, numbers, strict=True)],
        "group": groups.tolist(),
        "source": ["simulation"] * conversations,
    }
    sides = [
        _interactions(prompts, answers, model, told, [moment + timedelta(seconds=late) for moment in moments])
        for late, answers in ((0, first), (1, second))
    ]
    reactions = [
        _reaction(prompt, a, b, str(group), draw)
        for prompt, a, b, group in zip(prompts, first, second, groups, strict=True)
    ]
    feedback = _feedback(reactions, sides, told, [moment + timedelta(seconds=20) for moment in moments])
    return Landed(pl.concat(sides).unique("id", keep="first", maintain_order=True), feedback)


def scripted(seed: int) -> Assistant:
    """An assistant that needs no model: it answers from the world's own sentences."""
    draw = np.random.default_rng([seed, 1])
    return lambda prompts: [world.answer(prompt, draw) for prompt in prompts]


def conversations(count: int, seed: int) -> pl.DataFrame:
    """Conversations to learn the language from: a column `messages`, `count` rows."""
    draw = np.random.default_rng([seed, 2])
    prompts = [world.prompt(draw) for _ in range(count)]
    rows = [[*prompt, {"role": "assistant", "content": world.answer(prompt, draw)}] for prompt in prompts]
    return pl.DataFrame({"messages": rows})


@dataclass(frozen=True)
class _Reaction:
    kind: str
    about: int  # which of the two answers
    score: float | None = None
    text: str | None = None


def _reaction(prompt: list[Message], a: str, b: str, group: str, draw: np.random.Generator) -> _Reaction:
    """What one user does, with a slip of the finger now and then."""
    likes = TASTES[group].utility
    dice, slip = draw.random(), draw.random() < FLIPPED
    if dice < CHOICES and a != b:
        # Logistic around the difference: near ties are coin flips, as they are for people.
        prefers_a = draw.random() < 1 / (1 + np.exp(-3 * (likes(prompt, a) - likes(prompt, b))))
        return _Reaction("choice", about=int(prefers_a == slip))
    if dice < CHOICES + EDITS and (better := edited(prompt, a, group)) != a:
        return _Reaction("edit", about=0, text=better)
    return _Reaction("thumb", about=0, score=1.0 if (likes(prompt, a) > 1) != slip else -1.0)


def edited(prompt: list[Message], response: str, group: str) -> str:
    """What a user of the group makes of an answer: keeps what is to the point, drops the rest, adds what is missing."""
    topic = world.topic_of(prompt[-1]["content"])
    assert topic is not None
    kept = [found.strip() for found in SENTENCE.findall(response)]
    good = [sentence for sentence in dict.fromkeys(kept) if world.facts().get(sentence) == topic]
    known = world.TOPICS[topic].facts
    body = good[:1] or [known[0]] if group == "hurried" else [fact for fact in known if fact in good] or list(known)
    liked = TASTES[group].weights
    polite = [s for s in kept if s in MANNERS and liked.get(MANNERS[s], 0) > 0]
    opening = [s for s in polite if s == world.WARM]
    closing = [s for s in polite if s == world.OFFER]
    return " ".join([*opening[:1], *body, *closing[:1]])


def _interactions(
    prompts: list[list[Message]], answers: list[str], model: str, told: dict[str, list[str]], moments: list[datetime]
) -> pl.DataFrame:
    responses = [[{"role": "assistant", "content": answer}] for answer in answers]
    frame = pl.DataFrame({"prompt": prompts, "response": responses, **told, "created_at": moments})
    return as_records(frame.with_columns(model=pl.lit(model)), Interaction)


def _feedback(
    reactions: list[_Reaction], sides: list[pl.DataFrame], told: dict[str, list[str]], moments: list[datetime]
) -> pl.DataFrame:
    ids = [side["id"].to_list() for side in sides]
    rows = {
        "interaction": [ids[reaction.about][row] for row, reaction in enumerate(reactions)],
        "kind": [reaction.kind for reaction in reactions],
        "score": [reaction.score for reaction in reactions],
        "other": [
            ids[1 - reaction.about][row] if reaction.kind == "choice" else None
            for row, reaction in enumerate(reactions)
        ],
        "text": [reaction.text for reaction in reactions],
    }
    return as_records(
        pl.DataFrame({**rows, **told, "created_at": moments}, schema_overrides={"score": pl.Float64}), Feedback
    )
