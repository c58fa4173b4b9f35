"""The queue on disk: what waits in it is there after a crash, comes to the store once, and never fills the disk."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from components.feedback.capture.events import EVENT
from components.feedback.capture.intake import Intake
from components.feedback.capture.spool import Spool, SpoolFull, catch_up
from components.feedback.capture.store import Event, Store, StoreDown

APPEND_FOR_EVER = """
import sys
from pathlib import Path
from components.feedback.capture.spool import Spool
from tests.components.feedback.capture.test_spool import event
spool = Spool(Path(sys.argv[1]))
for number in range(1_000_000):
    spool.append([event(f"{sys.argv[2]}-{number}")])
    print(f"{sys.argv[2]}-{number}", flush=True)
"""


def event(id: str, words: str = "Mix flour.") -> Event:
    line = f'{{"type": "interaction", "id": "{id}", "prompt": "Bread?", "response": "{words}"}}'
    return Intake(b"secret").take(line.encode(), EVENT).event


def waiting(spool: Spool) -> list[Event]:
    """Everything that waits, in order; it does not wait any more."""
    found = []
    while segment := spool.oldest():
        for events in spool.read(segment):
            found += events
        spool.remove(segment)
    return found


def test_events_wait_in_order_and_come_back_as_they_were(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    events = [event(f"e{number}") for number in range(2500)]
    spool.append(events[:2000])
    spool.append(events[2000:])
    assert spool.size == sum(len(one.body) + 1 for one in events)
    assert waiting(spool) == events
    assert (spool.size, spool.oldest()) == (0, None)


def test_what_was_acknowledged_before_a_kill_waits_for_the_next_process(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for life in range(3):
        command = [sys.executable, "-c", APPEND_FOR_EVER, str(tmp_path), f"life{life}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            acknowledged += [process.stdout.readline().strip() for _ in range(20)]
            Spool(tmp_path).oldest()  # another process may look, and takes nothing that is still written to
            process.kill()
            acknowledged += process.stdout.read().split()
    found = [one.id for one in waiting(Spool(tmp_path))]
    assert len(set(found)) == len(found)
    assert set(acknowledged) <= set(found)
    assert len(found) <= len(acknowledged) + 3  # written, but not yet told so


@pytest.mark.parametrize("torn", [b'{"type":"interaction","id":"to', b"\0\0\0\n", b'{"id":5}\n', b"[]\n"])
def test_a_torn_line_is_left_out_and_the_others_are_not(tmp_path: Path, torn: bytes) -> None:
    whole = event("whole")
    (tmp_path / "1.open").write_bytes(whole.body + b"\n" + torn)
    assert waiting(Spool(tmp_path)) == [whole]


def test_it_holds_what_it_may_and_no_more(tmp_path: Path) -> None:
    big = event("e1", "x" * 600)
    spool = Spool(tmp_path, capacity=1000)
    spool.append([big])
    with pytest.raises(SpoolFull, match="holds all it may"):
        spool.append([event("e2", "x" * 600)])
    assert waiting(spool) == [big]
    spool.check()


def test_a_file_in_the_place_of_the_folder_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("")
    spool = Spool(tmp_path / "spool")
    with pytest.raises(SpoolFull):
        spool.check()
    with pytest.raises(SpoolFull):
        spool.append([event("e1")])


def test_it_catches_up_when_the_store_is_back_and_keeps_each_event_once(store: Store, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    events = [event(f"e{number}") for number in range(1500)]
    store.append(events[:10])  # as after a crash between the store's commit and the spool's end
    spool.append(events)
    tries = []

    async def commit(some: Sequence[Event]) -> None:
        tries.append(len(some))
        if len(tries) == 1:
            raise StoreDown("not yet")
        store.append(some)

    async def until_done() -> None:
        task = asyncio.create_task(catch_up(spool, commit))
        while spool.size:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(until_done())
    assert store.counts() == {"interaction": 1500}
    assert tries == [1000, 1000, 500]
