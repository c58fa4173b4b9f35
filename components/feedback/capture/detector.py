"""One way to find one kind of personal data. Knows nothing of which kinds there are."""

import re
from collections.abc import Callable
from dataclasses import dataclass


def _always(_match: re.Match[str]) -> bool:
    return True


@dataclass(frozen=True)
class Detector:
    """A pattern, and what must hold of its matches besides.

    Attributes:
        kind: what it finds: the word in the brackets that take its place.
        pattern: every quantifier in it is bounded, so that no text takes more than its length's worth of time. Where
            it has a group "it", that alone is masked.
        holds: whether a match is one.
        hints: one of these is in every text, put in lower case, that has a match; looking for them costs next to
            nothing. None where only the pattern can tell.
    """

    kind: str
    pattern: re.Pattern[str]
    holds: Callable[[re.Match[str]], bool] = _always
    hints: tuple[str, ...] = ("",)

    def mask(self, text: str) -> tuple[str, int]:
        """The text with every find masked, and how many there were."""
        pieces: list[str] = []
        done = 0
        group: str | int = "it" if "it" in self.pattern.groupindex else 0
        for match in self.pattern.finditer(text):
            if self.holds(match):
                start, end = match.span(group)
                pieces += (text[done:start], f"[{self.kind}]")
                done = end
        return ("".join(pieces) + text[done:], len(pieces) // 2) if pieces else (text, 0)
