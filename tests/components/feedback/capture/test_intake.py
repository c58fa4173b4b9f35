"""Taking in many events at once finds the same as taking in each by itself."""

import json

from components.feedback.capture.events import EVENT, Unfit
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
