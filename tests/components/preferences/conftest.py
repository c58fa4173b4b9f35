"""A story to tell in a test: what was asked and answered, and what users did about it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from components.config import Settings
from components.config.settings import Preferences
from components.feedback.signals import appoint, detect
from components.preferences.building import Made, build
from components.records.messages import text_of
from components.records.schemas import Feedback, Interaction, Signal, as_records, empty
from components.workspace import Workspace

BEGINNING = datetime(2026, 1, 5, 8, tzinfo=UTC)


class Story:
    """Everything happens a minute after what was told before it."""

    def __init__(self) -> None:
        self.interactions, self.feedback, self.words = empty(Interaction), empty(Feedback), empty(Signal)

    def answer(self, said: list[str] | str, response: str, user: str | None = "ada") -> str:
        """The assistant answers a conversation, whose turns are the user's and its own by turns; returns the id."""
        turns = [said] if isinstance(said, str) else said
        prompt = [{"role": ("user", "assistant")[i % 2], "content": turn} for i, turn in enumerate(turns)]
        row = {
            "prompt": [prompt],
            "response": [[{"role": "assistant", "content": response}]],
            "user": [user],
            "source": ["test"],
            "created_at": [self._now()],
        }
        self.interactions = pl.concat([self.interactions, as_records(pl.DataFrame(row), Interaction)])
        return str(self.interactions["id"][-1])

    def did(
        self,
        kind: str,
        interaction: str,
        user: str | None = "ada",
        polarity: str | None = None,
        rubric: str = "style",
        strength: float = 0.8,
        **told: object,
    ) -> str:
        """A user leaves feedback; `polarity` is how their words are read. Returns its id."""
        row = {"kind": kind, "interaction": interaction, "user": user, "source": "test", "created_at": self._now()}
        event = as_records(pl.DataFrame([row | told]), Feedback)
        self.feedback = pl.concat([self.feedback, event])
        if polarity:
            found = {"feedback": event["id"][0], "interaction": interaction, "polarity": polarity, "rubric": rubric}
            read = pl.DataFrame([found | {"strength": strength, "detector": "told"}])
            self.words = pl.concat([self.words, as_records(read, Signal)])
        return str(event["id"][0])

    @property
    def signals(self) -> pl.DataFrame:
        explicit = appoint(["explicit"], Workspace(Path(), Settings()))
        return pl.concat([detect(self.feedback, self.interactions, explicit), self.words])

    def made(self, **settings: float) -> Made:
        return build(self.feedback, self.interactions, self.signals, Preferences(**settings))

    def pairs(self) -> list[tuple[str, str, str]]:
        """The last question, the chosen and the rejected answer of every pair."""
        asked = pl.col("prompt").list.last().struct.field("content")
        return self.made().preferences.select(asked, text_of(pl.col("chosen")), text_of(pl.col("rejected"))).rows()

    def _now(self) -> datetime:
        return BEGINNING + timedelta(minutes=self.interactions.height + self.feedback.height)


@pytest.fixture
def story() -> Story:
    return Story()
