"""Taking in many events at once finds the same as taking in each by itself."""

import json
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as any_of

from components.feedback.capture.events import EVENT, Unfit, parse, parse_either
from components.feedback.capture.intake import Intake
from components.feedback.capture.masking import mask
from components.feedback.capture.sifting import suspects
from tests.components.feedback.capture.test_masking import HARMLESS, PERSONAL


def test_no_text_with_personal_data_passes_the_sieve_and_most_others_do() -> None:
    personal = [text for text, *_ in PERSONAL]
    plain = ["Mix 500 g of flour with 350 ml of water; wait until 7:30.", "Say hello = wave.", "It was 1999, I think."]
    found = suspects([*personal, *plain])
    assert [text for text in personal if mask(text)[1] and text not in found] == []
    assert not found & set(plain)
    assert suspects([]) == set()


def test_a_batch_is_taken_in_as_its_lines_are() -> None:
    texts = [text for text, *_ in PERSONAL] + [one if isinstance(one, str) else one[0] for one in HARMLESS]
    told = {"type": "interaction", "created_at": 1}
    lines = [
        json.dumps(
            {**told, "id": str(number), "prompt": [{"role": "user", "content": text}], "response": text}
        ).encode()
        for number, text in enumerate(texts)
    ]
    lines[3:3] = [b"{}", b"\xff"]
    intake = Intake(b"secret")
    together = intake.take_all(lines)
    assert [isinstance(one, Unfit) for one in together[2:6]] == [False, True, True, False]
    alone = [intake.take(line, EVENT) for line in lines[:3] + lines[5:]]
    assert [one for one in together if not isinstance(one, Unfit)] == alone
    assert sum(bool(one.masked) for one in alone) >= 60


ODD = ["", " ", "\u2003", "\x1c", " a ", "\0", '":', '\\":', "type", "\ud83d", "é" * 201, "x" * 200]
WORDS = any_of.one_of(any_of.just("Hi"), any_of.just("Ho"), any_of.just("{"), any_of.sampled_from(ODD))
ROLES = any_of.one_of(any_of.just("user"), any_of.sampled_from(["assistant", "tool", "bot"]))
MESSAGES = any_of.lists(any_of.fixed_dictionaries({"role": ROLES, "content": WORDS}), max_size=3)
SAID = any_of.one_of(
    WORDS, WORDS, MESSAGES, any_of.sampled_from([None, 1, [{"role": "user", "content": "Hi", "to": ""}]])
)
TIMES = any_of.sampled_from(["2026-01-31T12:00:00Z", "2026-01-31", "yesterday", "", 0, 1.5, -1, 1e300, None, True])
EVENTS = any_of.fixed_dictionaries(
    {
        "type": any_of.one_of(any_of.just("interaction"), any_of.just("interaction"), WORDS),
        "prompt": SAID,
        "response": SAID,
    },
    optional={
        "id": any_of.one_of(WORDS, any_of.sampled_from([None, 1])),
        "user": any_of.one_of(WORDS, any_of.none()),
        "created_at": any_of.one_of(any_of.just("2026-01-31T12:00:00+02:00"), TIMES),
        "type ": WORDS,
    },
)


def found(line: bytes, short: bool) -> Any:
    try:
        return parse_either(line) if short else parse(line, EVENT)
    except Unfit as unfit:
        return unfit.what


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(event=EVENTS, escaped=any_of.booleans(), at=any_of.integers(0, 200), byte=any_of.binary(max_size=1))
@example({"type": "interaction", "prompt": "Hi", "response": "Ho"}, True, 200, b"")
def test_the_short_way_through_an_interaction_comes_to_the_same(
    event: dict[str, Any], escaped: bool, at: int, byte: bytes
) -> None:
    line = json.dumps(event, ensure_ascii=escaped).encode(errors="surrogatepass")
    for sent in (line, line[:at] + byte + line[at:], line[:at] + byte + line[at + 1 :]):
        assert found(sent, short=True) == found(sent, short=False)
