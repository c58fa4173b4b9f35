"""What each group of simulated users likes, exactly. A taste is a weighted sum of things counted in the text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from components.simulation import world

SENTENCE = re.compile(r"[^.!?]+[.!?]?")


@dataclass(frozen=True)
class Traits:
    """What there is to like or dislike in an answer.

    Attributes:
        on_topic: distinct facts about what was asked, 0 to 3.
        off_topic: facts about something else.
        repeated: facts said again.
        garbled: sentences that are no sentences of this world.
        warm, cold, offer, pushy, refusal: 1 where the answer has that sentence.
    """

    on_topic: int
    off_topic: int
    repeated: int
    garbled: int
    warm: int
    cold: int
    offer: int
    pushy: int
    refusal: int


MANNERS = {
    world.WARM: "warm",
    world.COLD: "cold",
    world.OFFER: "offer",
    world.PUSHY: "pushy",
    world.REFUSAL: "refusal",
}


def traits(prompt: list[dict[str, str]], response: str) -> Traits:
    """Count what a response is made of; to say sorry after a complaint is neither here nor there."""
    if world.complained_of(prompt):
        response = world.without_apology(response)
    topic = world.subject(prompt)
    sentences = [found.strip() for found in SENTENCE.findall(response) if found.strip()]
    facts = [sentence for sentence in sentences if sentence in world.facts()]
    manners = {name: int(sentence in sentences) for sentence, name in MANNERS.items()}
    return Traits(
        on_topic=len({fact for fact in facts if world.facts()[fact] == topic}),
        off_topic=sum(world.facts()[fact] != topic for fact in facts),
        repeated=len(facts) - len(set(facts)),
        garbled=sum(sentence not in world.facts() and sentence not in MANNERS for sentence in sentences),
        **manners,
    )


@dataclass(frozen=True)
class Taste:
    """One group's taste.

    Attributes:
        weights: trait to worth, in units where 1 is a clear preference.
        first_fact: worth of knowing anything at all about what was asked.
    """

    weights: Mapping[str, float]
    first_fact: float = 2.0

    def utility(self, prompt: list[dict[str, str]], response: str) -> float:
        """How much this group likes a response; higher is better, 0 is an empty one."""
        found = traits(prompt, response)
        worth = sum(weight * getattr(found, name) for name, weight in self.weights.items())
        return worth + self.first_fact * (found.on_topic > 0)


SHARED = {"off_topic": -1.5, "repeated": -1.0, "garbled": -1.5, "cold": -1.5, "pushy": -1.5, "refusal": -2.0}
TASTES = {
    "curious": Taste({**SHARED, "on_topic": 0.8, "warm": 0.5, "offer": 0.4}),
    "hurried": Taste({**SHARED, "on_topic": -0.5, "warm": -0.3, "offer": -0.5}),
}
