"""A small world to talk about: what users ask, and the sentences an answer can be made of.

Answers are built from sentences whose meaning is known, so that a taste can be computed from the text alone. Knows
nothing of who likes what.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Topic:
    """Something users want to do, and the three things worth knowing about it."""

    task: str
    facts: tuple[str, str, str]


TOPICS = (
    Topic(
        "bake bread",
        (
            "Mix flour with warm water and yeast.",
            "Let the dough rise for two hours.",
            "Bake it until the crust is brown.",
        ),
    ),
    Topic(
        "grow tomatoes",
        ("Plant the seeds in rich soil.", "Water the roots every morning.", "Tie the stems to a stick."),
    ),
    Topic(
        "fix a bicycle tyre",
        ("Take the wheel off the frame.", "Find the hole in the tube.", "Glue a patch over the hole."),
    ),
    Topic(
        "learn the guitar",
        ("Tune the strings first.", "Practise three chords a day.", "Play along with a slow song."),
    ),
    Topic(
        "clean a window",
        ("Wipe the dust away first.", "Spray vinegar on the glass.", "Dry it with an old newspaper."),
    ),
    Topic(
        "brew good coffee",
        ("Grind the beans just before.", "Heat the kettle but do not boil it.", "Pour slowly in small circles."),
    ),
    Topic(
        "train a puppy",
        ("Reward every good act at once.", "Keep each lesson very short.", "Use the same word each time."),
    ),
    Topic(
        "save money",
        ("Write down all you spend.", "Put a tenth aside on payday.", "Cancel what you never use."),
    ),
    Topic(
        "paint a room",
        ("Cover the floor with paper.", "Tape the edges of the wall.", "Roll two thin coats."),
    ),
    Topic(
        "sleep better",
        ("Go to bed at the same hour.", "Leave the phone in the kitchen.", "Keep the bedroom cool and dark."),
    ),
    Topic(
        "write a letter",
        ("Open with the name of the reader.", "Say the main point early.", "Close with a kind wish."),
    ),
    Topic(
        "take good photos",
        ("Stand with the sun behind you.", "Fill the frame with the subject.", "Hold the camera with both hands."),
    ),
    Topic(
        "swim faster",
        ("Keep your head low in the lane.", "Kick from the hips.", "Breathe every third stroke."),
    ),
    Topic(
        "make soup",
        ("Fry an onion in butter.", "Add stock and chopped carrots.", "Simmer it under a lid."),
    ),
    Topic(
        "pass an exam",
        ("Plan the weeks before the test.", "Answer old papers against the clock.", "Rest well the night before."),
    ),
    Topic(
        "pack a suitcase",
        ("Roll the shirts up tightly.", "Put the shoes at the bottom.", "Keep liquids in a sealed bag."),
    ),
)
WARM, COLD = "Happy to help!", "Look it up yourself."
OFFER, PUSHY = "Shall I say more?", "Buy our premium plan now."
REFUSAL = "I cannot help with that."
APOLOGIES = ("Sorry about that.", "My apologies.", "I apologize for the confusion.", "You are right, sorry.")

QUESTIONS = (
    "How do I {task}?",
    "What is the best way to {task}?",
    "I want to {task}.",
    "Can you tell me how to {task}?",
    "Please teach me to {task}.",
    "Help me {task}!",
    "Any tips to {task}?",
    "What do I need to {task}?",
)
SETTINGS = (
    "",
    "I am a beginner.",
    "I have one hour.",
    "It is for my sister.",
    "My last try went wrong.",
    "I live in a small flat.",
    "I have little money.",
    "It must work this time.",
    "My friends will watch.",
    "I asked a neighbour already.",
    "It is raining today.",
    "I am in no hurry.",
    "We do it as a family.",
    "I read a book about it.",
)
SMALL_TALK = (("Hello!", "Hello, what can I do for you?"), ("Are you there?", "Yes, I am listening."))


@cache
def topic_of(prompt: str) -> int | None:
    """Index of the topic a text asks about, None where it asks about none."""
    return next((index for index, topic in enumerate(TOPICS) if topic.task in prompt), None)


@cache
def facts() -> dict[str, int]:
    """Every fact there is, and the index of its topic."""
    return {fact: index for index, topic in enumerate(TOPICS) for fact in topic.facts}


def subject(prompt: list[dict[str, str]]) -> int | None:
    """Index of the topic a conversation is about: the last that a user names; a complaint names none."""
    said = (topic_of(turn["content"]) for turn in reversed(prompt) if turn["role"] == "user")
    return next((topic for topic in said if topic is not None), None)


def complained_of(prompt: list[dict[str, str]]) -> bool:
    """Whether the last message asks for nothing new, so it is about the answer before."""
    return len(prompt) > 1 and topic_of(prompt[-1]["content"]) is None


def without_apology(response: str) -> str:
    """What an answer says beside saying sorry first."""
    opening = next((apology for apology in APOLOGIES if response.startswith(apology)), "")
    return response.removeprefix(opening).strip()


def prompt(draw: np.random.Generator) -> list[dict[str, str]]:
    """What a user says: one question, one time in five after a little small talk."""
    question = QUESTIONS[draw.integers(len(QUESTIONS))].format(task=TOPICS[draw.integers(len(TOPICS))].task)
    setting = SETTINGS[draw.integers(len(SETTINGS))]
    turns = [{"role": "user", "content": f"{setting} {question}".strip()}]
    if draw.random() < 0.2:
        opening, reply = SMALL_TALK[draw.integers(len(SMALL_TALK))]
        talk = [{"role": "user", "content": opening}, {"role": "assistant", "content": reply}]
        turns = [*talk, *turns]
    return turns


def answer(prompt: list[dict[str, str]], draw: np.random.Generator) -> str:
    """What an assistant with no manners and half a memory says: what a base model learns from.

    Told off, it often says sorry first, and then no better.
    """
    if complained_of(prompt) and draw.random() < 0.5:
        return f"{APOLOGIES[draw.integers(len(APOLOGIES))]} {_answer(prompt, draw)}"
    return _answer(prompt, draw)


def _answer(prompt: list[dict[str, str]], draw: np.random.Generator) -> str:
    if draw.random() < 0.15:
        return REFUSAL
    topic = subject(prompt)
    assert topic is not None
    chosen = draw.permutation(3)[: draw.integers(1, 4)]
    body = [
        TOPICS[draw.integers(len(TOPICS)) if draw.random() < 0.3 else topic].facts[index] for index in sorted(chosen)
    ]
    opening = (WARM, COLD, "")[draw.choice(3, p=(0.25, 0.4, 0.35))]
    closing = (OFFER, PUSHY, "")[draw.choice(3, p=(0.25, 0.4, 0.35))]
    return " ".join(part for part in (opening, *body, closing) if part)
