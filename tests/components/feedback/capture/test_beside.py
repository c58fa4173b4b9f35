"""A long batch is taken in by a process beside the service, with the same result, and without it where it is gone."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator

import pytest

from components.feedback.capture.beside import WORTH_IT, Beside
from components.feedback.capture.events import Unfit
from components.feedback.capture.intake import Intake, Taken

SECRET = b"a secret"
EVENT = {
    "type": "interaction",
    "id": "q",
    "prompt": "Who is it?",
    "response": "Write to ada@example.org",
    "user": "ada",
}
LINES = [json.dumps(EVENT | {"id": f"q{n}", "created_at": 0}).encode() for n in range(WORTH_IT)] + [b"[", b"{}"]


@pytest.fixture
def beside() -> Iterator[Beside]:
    beside = Beside(Intake(SECRET), SECRET)
    yield beside
    beside.close()


def told(taken: list[Taken | Unfit]) -> list[object]:
    return [taken.what if isinstance(taken, Unfit) else (taken.event, taken.masked) for taken in taken]


def process_of(beside: Beside) -> int:
    """The process, once it takes lines in."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        beside.take_all(LINES)
        if beside._ready and beside._ready.done():
            (child,) = multiprocessing.active_children()
            assert child.pid
            return child.pid
    pytest.fail("no process was started")


def test_it_comes_to_the_same_before_during_and_after_the_process(beside: Beside) -> None:
    expected = told(Intake(SECRET).take_all(LINES))
    assert told(beside.take_all(LINES)) == expected
    process = process_of(beside)
    assert told(beside.take_all(LINES)) == expected
    os.kill(process, signal.SIGKILL)
    assert told(beside.take_all(LINES)) == expected
    assert process_of(beside) != process
    assert told(beside.take_all(LINES)) == expected


def test_few_lines_start_no_process(beside: Beside) -> None:
    assert len(beside.take_all(LINES[: WORTH_IT - 1])) == WORTH_IT - 1
    assert beside._pool is None
