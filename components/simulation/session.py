"""One sitting of one simulated user: what they ask, and what they say and do about the answers.

A session is a generator that knows nothing of how it is recorded. It yields `Ask` (send back an `Answer`) and `Did`
(send back None), in the order of time:

    sitting = session("curious-7", "curious", noise=0.05, draw=np.random.default_rng(0))
    step = next(sitting)
    while True:                                     # until StopIteration
        if isinstance(step, Ask):
            step = sitting.send(Answer(text, interaction))  # the answer to step.prompt, and the id it is recorded under
        else:
            record(step.event)                      # a line of heed's event format; its time is the recorder's
            step = sitting.send(None)
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.records.messages import Message
from components.simulation import wordings, world
from components.simulation.tastes import MANNERS, SENTENCE, TASTES, traits

PATIENCE = 3  # answers a user waits for in one sitting before leaving
LIKED = 1.0  # worth from which on an answer pleases


@dataclass(frozen=True)
class Ask:
    """The user wants an answer.

    Attributes:
        prompt: the conversation so far.
    """

    prompt: list[Message]


@dataclass(frozen=True)
class Answer:
    """What the user is told.

    Attributes:
        text: the answer.
        interaction: the id it is recorded under.
    """

    text: str
    interaction: str


@dataclass(frozen=True)
class Did:
    """The user leaves feedback.

    Attributes:
        event: what they did, a line of heed's event format without its time.
        meant: what they would have done without a slip, the same where there was none; None is nothing at all.
    """

    event: dict[str, Any]
    meant: dict[str, Any] | None


Session = Generator[Ask | Did, Answer | None, None]


@dataclass(frozen=True)
class _Told(Answer):
    prompt: list[Message]  # that it answers


_Asking = Generator[Ask | Did, Answer | None, _Told]


def session(user: str, group: str, noise: float, draw: np.random.Generator) -> Session:
    """Let one user ask one thing and react until they have what they want or leave.

    Args:
        user: who.
        group: a key of `TASTES`.
        noise: the share of feedback that says the opposite of what the user means.
        draw: what they ask, and everything they leave to chance.
    """
    return _Sitting(user, group, noise, draw, world.prompt(draw)).run()


def edited(prompt: list[Message], response: str, group: str) -> str:
    """What a user of the group makes of an answer: keeps what is to the point, drops the rest, adds what is missing."""
    topic = world.subject(prompt)
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


def spoilt(prompt: list[Message], response: str) -> str:
    """An edit gone wrong: a fact about something else pasted over the answer."""
    topic = world.subject(prompt)
    assert topic is not None
    elsewhere = world.TOPICS[(topic + 1) % len(world.TOPICS)].facts
    return " ".join([world.COLD, *(fact for fact in elsewhere if fact not in response)])


@dataclass(frozen=True)
class _Sitting:
    user: str
    group: str
    noise: float
    draw: np.random.Generator
    prompt: list[Message]

    def run(self) -> Session:
        ways = {
            self.choose: 0.64,
            self.edit: 0.12,
            self.retry: 0.07,
            self.correct: 0.07,
            self.mark_both: 0.06,
            self.read_one: 0.04,
        }
        way = list(ways)[self.draw.choice(len(ways), p=list(ways.values()))]
        yield from way()

    # Ways to spend a sitting.

    def choose(self) -> Session:
        """Read two answers and take one."""
        first, second = (yield from self._ask(self.prompt)), (yield from self._ask(self.prompt))
        if first.text == second.text:
            yield from self._react(first)
            return
        gain = self._worth(first) - self._worth(second)
        # Logistic around the difference: near ties are coin flips, as they are for people.
        likes_first = self.draw.random() < 1 / (1 + np.exp(-3 * gain))
        taken, left = (first, second) if likes_first else (second, first)
        position = 1 if likes_first else 2
        meant = self._event("choice", taken, other=left.interaction, position=position)
        if self._slips():
            taken, left, position = left, taken, 3 - position
        yield Did(self._event("choice", taken, other=left.interaction, position=position), meant)
        if self.draw.random() < 0.35:
            yield from self._react(taken)

    def edit(self) -> Session:
        """Mend the answer by hand."""
        answer = yield from self._ask(self.prompt)
        better = edited(self.prompt, answer.text, self.group)
        if better == answer.text:
            yield from self._react(answer)
            return
        meant = self._event("edit", answer, text=better)
        slip = self._event("edit", answer, text=spoilt(self.prompt, answer.text))
        yield Did(slip if self._slips() else meant, meant)

    def retry(self) -> Session:
        """Ask for another answer until one pleases."""
        answer = yield from self._ask(self.prompt)
        for _ in range(PATIENCE - 1):
            slips, pleased = self._slips(), self._pleased(answer)
            if pleased != slips:
                break
            following = yield from self._ask(self.prompt)
            # Some applications say what replaced the answer, some do not.
            link = {"other": following.interaction} if self.draw.random() < 0.5 else {}
            event = self._event("regenerate", answer, **link)
            yield Did(event, None if slips else event)
            answer = following
        if self.draw.random() < 0.7:
            yield from self._react(answer)

    def correct(self) -> Session:
        """Say what is wrong with an answer, and what one thinks of the next."""
        answer = yield from self._ask(self.prompt)
        for _ in range(PATIENCE - 1):
            complaint = yield from self._follow_up(answer)
            if complaint is None or not answer.text.strip():
                return
            answer = yield from self._ask_on(answer, complaint)
        yield from self._react(answer)

    def mark_both(self) -> Session:
        """Give each of two answers a mark."""
        answers = [(yield from self._ask(self.prompt)), (yield from self._ask(self.prompt))]
        mark = (self._thumb, self._rating)[self.draw.integers(2)]
        for answer in answers:
            yield from mark(answer)

    def read_one(self) -> Session:
        """Read an answer and react, or not at all."""
        yield from self._react((yield from self._ask(self.prompt)))

    # What they do about one answer.

    def _react(self, answer: _Told) -> Session:
        reactions = (self._thumb, self._rating, self._remark, self._answer_back, self._use)
        yield from reactions[self.draw.choice(len(reactions), p=(0.35, 0.1, 0.1, 0.25, 0.2))](answer)

    def _thumb(self, answer: _Told) -> Session:
        meant = 1.0 if self._pleased(answer) else -1.0
        said = -meant if self._slips() else meant
        yield Did(self._event("thumb", answer, score=said), self._event("thumb", answer, score=meant))

    def _rating(self, answer: _Told) -> Session:
        meant = float(np.clip(np.round(self._worth(answer) - LIKED) / 2, -1, 1))
        said = -meant if self._slips() else meant
        yield Did(self._event("rating", answer, score=said), self._event("rating", answer, score=meant))

    def _remark(self, answer: _Told) -> Session:
        """A wish beside the conversation where the answer falls short, a report where it is an outrage."""
        faults = self._faults(answer)
        if self._pleased(answer) or not faults:
            yield from self._use(answer)
            return
        outrage = faults[0] in ("cold", "pushy") and self.draw.random() < 0.3
        wish = wordings.one(wordings.WISHES[faults[0]], self.draw)
        meant = self._event("report", answer) if outrage else self._event("comment", answer, text=wish)
        slip = self._event("copy", answer)
        yield Did(slip if self._slips() else meant, meant)

    def _use(self, answer: _Told) -> Session:
        """Take the answer along, or leave."""
        meant, other = ("copy", "abandon") if self._pleased(answer) else ("abandon", "copy")
        said = other if self._slips() else meant
        yield Did(self._event(said, answer), self._event(meant, answer))

    def _answer_back(self, answer: _Told) -> Session:
        """One last word; the assistant answers a complaint, and the user has left by then."""
        complaint = yield from self._follow_up(answer)
        if complaint is not None and answer.text.strip():
            yield from self._ask_on(answer, complaint)

    def _follow_up(self, answer: _Told) -> Generator[Ask | Did, Answer | None, str | None]:
        """Thank or complain; returns the complaint, None after thanks."""
        thanks, complaint = wordings.one(wordings.THANKS, self.draw), self._complaint(answer)
        pleased = self._pleased(answer)
        complains = pleased if self._slips() else not pleased
        meant = self._event("followup", answer, text=thanks if pleased else complaint)
        said = self._event("followup", answer, text=complaint if complains else thanks)
        yield Did(said, meant)
        return complaint if complains else None

    # What they think.

    def _worth(self, answer: _Told) -> float:
        return TASTES[self.group].utility(self.prompt, world.without_apology(answer.text))

    def _pleased(self, answer: _Told) -> bool:
        return self._worth(answer) > LIKED

    def _faults(self, answer: _Told) -> list[str]:
        """Names in `COMPLAINTS`, the worst first."""
        found = traits(self.prompt, world.without_apology(answer.text))
        taste = TASTES[self.group].weights
        lost = {name: -taste[name] * getattr(found, name) for name in wordings.COMPLAINTS if name in taste}
        per_fact = taste["on_topic"]
        lost["too_short"] = per_fact * (3 - found.on_topic)
        lost["too_long"] = -per_fact * (found.on_topic - 1)
        return sorted((name for name, cost in lost.items() if cost > 0), key=lambda name: -lost[name])

    def _complaint(self, answer: _Told) -> str:
        """About the worst fault; where there is none, about too few or too many words."""
        faults = self._faults(answer) or ["too_long" if self.group == "hurried" else "too_short"]
        if faults[0] in ("refusal", "off_topic") and self.draw.random() < 0.3:
            return wordings.one(wordings.REPHRASED, self.draw).format(question=self.prompt[-1]["content"])
        return wordings.one(wordings.COMPLAINTS[faults[0]], self.draw)

    # How it goes.

    def _ask(self, prompt: list[Message]) -> _Asking:
        answer = yield Ask(prompt)
        assert answer is not None
        return _Told(answer.text, answer.interaction, prompt)

    def _ask_on(self, answer: _Told, said: str) -> _Asking:
        told = [*answer.prompt, {"role": "assistant", "content": answer.text}, {"role": "user", "content": said}]
        return self._ask(told)

    def _slips(self) -> bool:
        return bool(self.draw.random() < self.noise)

    def _event(self, kind: str, answer: _Told, **told: Any) -> dict[str, Any]:
        about = {"type": "feedback", "interaction": answer.interaction, "kind": kind}
        return {**about, **told, "user": self.user, "group": self.group}
