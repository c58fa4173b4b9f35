"""The store: what it has acknowledged is there once, in order, whoever writes at the same time and whatever dies."""

import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from components.feedback.capture.store import Event, Store, StoreDown
from components.records.errors import BadInput
from tests.postgres import Postgres

ROOT = Path(__file__).parents[4]

SHARED_IDS = """
import sys
from components.feedback.capture.store import Event, Store
store = Store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for first in range(0, 300, 10):
    events = [Event(f"e{n}", "interaction", None, None, sys.argv[2].encode()) for n in range(first, first + 15)]
    for event, new in zip(events, store.append(events)):
        if new:
            print(event.id, flush=True)
"""

APPENDING = """
import itertools, sys
from components.feedback.capture.store import Event, Store
store = Store(sys.argv[1])
for batch in itertools.count():
    size = 1 if batch % 2 else 200
    ids = [f"{sys.argv[2]}-{batch}-{n}" for n in range(size)]
    new = store.append([Event(id, "interaction", None, None, id.encode() * 20) for id in ids])
    assert new == [True] * size
    print(batch, size, flush=True)
"""


def said(id: str, user: str | None = None, body: bytes = b"{}") -> Event:
    return Event(id, "interaction", None, user, body)


def thumb(id: str, about: str, user: str | None = None) -> Event:
    return Event(id, "feedback", about, user, f"thumb {id}".encode())


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ids_in(store: Store) -> list[str]:
    """All bodies, where these are ids."""
    return [kept.body.decode() for kept in store.after(0, 1_000_000)]


def test_the_first_event_of_an_id_is_kept_and_each_is_told_whether_it_was_new(store: Store) -> None:
    assert store.append([said("a", body=b"1"), said("b", body=b"2"), said("a", body=b"3")]) == [True, True, False]
    assert store.append([said("b", body=b"4"), said("c", body=b"5"), said("c", body=b"6")]) == [False, True, False]
    assert store.append([said("a", body=b"7")]) == [False]
    assert store.append([]) == []
    assert [kept.body for kept in store.after(0, 10)] == [b"1", b"2", b"5"]
    assert (store.event("b"), store.event("d")) == (b"2", None)


def test_events_come_back_in_order_a_page_at_a_time_and_still_do_after_opening_again(
    store: Store, store_url: str
) -> None:
    assert (store.last(), store.after(0, 10)) == (0, [])
    bodies = [b"%d" % n for n in range(25)]
    for first in (0, 5, 10):
        store.append([said(f"e{n}", body=bodies[n]) for n in range(first, min(first + 15, 25))])
    store.close()

    again = Store(store_url)
    seen, position = [], 0
    while page := again.after(position, 4):
        assert len(page) <= 4
        assert position < page[0].position
        seen += [kept.body for kept in page]
        position = page[-1].position
    assert seen == bodies
    assert position == again.last()
    again.close()


def test_feedback_is_found_by_its_interaction_even_if_it_came_first(store: Store) -> None:
    store.append([thumb("t1", "late"), thumb("t2", "other"), said("other")])
    assert store.about("late") == [b"thumb t1"]
    store.append([thumb("t3", "late"), said("late")])
    assert store.about("late") == [b"thumb t1", b"thumb t3"]
    assert store.about("nothing") == []
    assert store.counts() == {"feedback": 3, "interaction": 2}


def test_any_bytes_and_any_characters_are_kept(store: Store) -> None:
    bodies = [b"\x00", b"\xff\xfe\x00 not UTF-8", b"", "\U0001f600é".encode(), b"x" * 3_000_000]
    ids = ["\U0001f600" * 200, "'; DROP TABLE heed_events; --", "%s :id ?", " ", "\u202eé"]
    assert store.append([said(id, body=body) for id, body in zip(ids, bodies, strict=True)]) == [True] * 5
    assert [store.event(id) for id in ids] == bodies
    for unstorable in ("a\0b", "\ud800"):
        with pytest.raises(ValueError, match="NUL"):
            store.append([said("storable"), said(unstorable)])
        assert store.event("storable") is None
        assert (store.event(unstorable), store.about(unstorable), store.forget(unstorable)) == (None, [], 0)


def test_threads_that_send_the_same_events_are_told_new_once_for_each(store: Store) -> None:
    def send(start: int) -> list[str]:
        told = []
        for first in range(start, start + 200, 20):
            events = [said(f"e{n}", body=b"e%d" % n) for n in range(first, first + 30)]
            told += [event.id for event, new in zip(events, store.append(events), strict=True) if new]
        return told

    with ThreadPoolExecutor(8) as pool:
        told = [id for ids in pool.map(send, [0, 0, 50, 50, 100, 100, 7, 93]) for id in ids]
    assert sorted(told) == sorted({f"e{n}" for n in range(310)})
    assert sorted(ids_in(store)) == sorted(told)


def test_processes_that_send_the_same_events_are_told_new_once_for_each(store_url: str) -> None:
    # Nothing is there yet: they also race to make the tables.
    processes = [python(SHARED_IDS, store_url, str(n)) for n in range(3)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    told = {str(n): process.communicate()[0].split() for n, process in enumerate(processes)}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(id for ids in told.values() for id in ids) == sorted(f"e{n}" for n in range(305))

    store = Store(store_url)
    assert Counter(ids_in(store)) == {writer: len(ids) for writer, ids in told.items() if ids}
    store.close()


def test_a_reader_who_follows_many_writers_sees_everything_once_and_in_order(store_url: str) -> None:
    # Stores of their own, as processes have: they do not share a lock.
    stores = [Store(store_url) for _ in range(4)]

    def write(writer: int) -> None:
        for n in range(20):
            stores[writer].append([said(f"{writer}-{n}-{k}", body=b"%d-%d-%d" % (writer, n, k)) for k in range(7)])

    seen: list[str] = []
    positions = [0]
    writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers) or stores[3].last() > positions[-1]:
        for kept in stores[3].after(positions[-1], 50):
            seen.append(kept.body.decode())
            positions.append(kept.position)
    assert sorted(seen) == sorted(f"{writer}-{n}-{k}" for writer in range(3) for n in range(20) for k in range(7))
    assert all(earlier < later for earlier, later in pairwise(positions))
    assert seen == ids_in(stores[3])
    for store in stores:
        store.close()


def acknowledged(lines: Sequence[str], run: int) -> set[str]:
    """The ids in the batches that a killed process has told of; a last line that was cut short tells nothing."""
    whole = [line.split() for line in lines if line.endswith("\n")]
    return {f"{run}-{batch}-{n}" for batch, size in whole for n in range(int(size))}


def test_what_was_acknowledged_before_a_sigkill_is_there_once_and_batches_are_whole(store_url: str) -> None:
    promised: set[str] = set()
    for run in range(4):
        process = python(APPENDING, store_url, str(run))
        assert process.stdout
        heard = [process.stdout.readline() for _ in range(10 + 7 * run)]
        process.send_signal(signal.SIGKILL)
        heard += process.stdout.readlines()
        assert process.wait() == -signal.SIGKILL
        promised |= acknowledged(heard, run)

    store = Store(store_url)
    kept = Counter(body[: len(body) // 20] for body in ids_in(store))
    assert promised <= kept.keys()
    assert set(kept.values()) == {1}
    batches = Counter(id.rsplit("-", 1)[0] for id in kept)
    assert {size for batch, size in batches.items() if int(batch.split("-")[1]) % 2 == 0} == {200}
    # At most the one batch that each process had under way was kept without having been acknowledged.
    assert len(kept.keys() - promised) <= 4 * 200
    assert store.append([said("after the crashes")]) == [True]
    store.close()


def test_a_forgotten_user_s_events_go_and_everybody_else_s_stay(store: Store) -> None:
    store.append([said(f"a{n}", "ada" if n % 3 else "bo", body=b"%d" % n) for n in range(30)])
    store.append([thumb("by bo", "a1", "bo"), thumb("by ada", "a0", "ada"), thumb("by nobody", "a2"), said("c")])
    assert store.forget("ada") == 22  # what nobody in particular said about hers with the rest
    assert (store.forget("ada"), store.forget("somebody else")) == (0, 0)
    assert (store.event("a1"), store.event("a3")) == (None, b"3")
    assert (store.about("a0"), store.about("a1"), store.about("a2")) == ([], [b"thumb by bo"], [])
    assert store.counts() == {"interaction": 11, "feedback": 1}
    assert store.append([said("a1"), said("a3")]) == [True, False]


def test_what_nobody_said_about_the_first_event_of_all_goes_with_it(store: Store) -> None:
    store.append([said("hers", "ada"), thumb("by nobody", "hers"), thumb("by bo", "hers", "bo")])
    assert store.forget("ada") == 2
    assert store.about("hers") == [b"thumb by bo"]


def test_a_forgotten_user_s_words_are_in_none_of_sqlite_s_files(tmp_path: Path) -> None:
    # Events of many lengths by many people: as some are deleted, SQLite moves the others from page to page.
    chance = random.Random(3)
    people = [f"p{n}" for n in range(30)]
    store = Store(f"sqlite:///{tmp_path / 'capture.db'}")
    for call in range(150):
        events = []
        for n in range(chance.choice([1, 1, 8])):
            user = chance.choice(people)
            events.append(said(f"{call}-{n}", user, body=f"<{user} said so>".encode() * chance.choice([1, 3, 20, 99])))
        store.append(events)
    for count, user in enumerate(people):
        assert store.forget(user) > 0
        on_disk = b"".join(part.read_bytes() for part in tmp_path.iterdir())
        assert [gone for gone in people[: count + 1] if f"<{gone} said".encode() in on_disk] == []
        assert all(f"<{left} said".encode() in on_disk for left in people[count + 1 :])
    store.close()


def test_the_last_position_is_not_given_to_another_event(store: Store) -> None:
    store.append([said("a", "ada"), said("b", "bo")])
    last = store.last()
    assert store.forget("bo") == 1
    store.append([said("c")])
    assert [kept.position > last for kept in store.after(0, 5)] == [False, True]


def test_a_key_opens_until_it_is_revoked_and_is_kept_only_as_a_hash(store: Store, store_url: str) -> None:
    app, reader = store.add_key("the app", ["write"]), store.add_key("a reader", ("read", "write", "read"))
    assert app.startswith("heed_")
    assert len({app, reader, app[:48]}) == 2
    found = store.key(app)
    assert found
    assert (found.name, found.scopes, found.revoked_at) == ("the app", {"write"}, None)
    listed = store.keys()
    assert [(key.name, set(key.scopes)) for key in listed] == [("the app", {"write"}), ("a reader", {"read", "write"})]
    for wrong in ("", "heed_", app[:-1], app + "x", "the app", "\ud800\0", app.swapcase()):
        assert store.key(wrong) is None

    assert store.revoke_key("the app")
    assert not store.revoke_key("the app")
    assert not store.revoke_key("no such key")
    assert store.key(app) is None
    assert store.key(reader)
    first = store.keys()[0]
    assert first.revoked_at
    assert first.created_at <= first.revoked_at
    for name, scopes in (("the app", ["write"]), ("", ["write"]), ("x", ["admin"]), ("x", []), ("a\0b", ["read"])):
        with pytest.raises(BadInput):
            store.add_key(name, scopes)
    if store_url.startswith("sqlite"):
        file = Path(store_url.removeprefix("sqlite:///"))
        assert not any(reader.encode()[5:] in part.read_bytes() for part in file.parent.iterdir())


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "not the URL"),
        ("capture.db", "not the URL"),
        ("mysql://ada:s3cret@db/heed", 'no store for "mysql"'),
        ("sqlite://", "memory"),
        ("sqlite:///{folder}/missing/capture.db", "No such file"),
        ("sqlite:///{folder}", "Is a directory"),
        ("sqlite:///{folder}/letter.txt", "not a database"),
        ("postgresql://ada:s3cret@127.0.0.1:1/heed", "refused"),
        ("postgres://ada:s3cret@127.0.0.1:port/heed", "not the URL"),
        ("postgresql://ada:s3cret@/heed?host=/nowhere&password=s3cret", "No such file"),
    ],
)
def test_what_is_no_store_is_told_in_one_line_without_the_password(tmp_path: Path, url: str, told: str) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ada, this is a letter and no database. " * 20)
    with pytest.raises(BadInput, match=told) as failure:
        Store(url.format(folder=tmp_path))
    assert "\n" not in str(failure.value)
    assert "s3cret" not in str(failure.value)
    assert (tmp_path / "letter.txt").read_text().startswith("Dear Ada")


def test_a_database_that_the_server_has_not_is_told(postgres: Postgres) -> None:
    with pytest.raises(BadInput, match='"nobody_made_me" does not exist'):
        Store(postgres.url("nobody_made_me"))


def test_without_the_driver_postgresql_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(BadInput, match=r"heed-mlops\[postgres\]"):
        Store("postgresql://db/heed")


def test_a_server_that_stops_is_told_as_down_and_used_again_once_it_is_back(postgres: Postgres) -> None:
    store = Store(postgres.new_database().replace("postgresql://", "postgres://"))
    store.append([said("before")])
    postgres.stop()
    try:
        for ask in (lambda: store.append([said("meanwhile")]), store.check, store.last, lambda: store.key("heed_x")):
            with pytest.raises(StoreDown):
                ask()
    finally:
        postgres.start()
    assert store.append([said("before"), said("meanwhile")]) == [False, True]

    postgres.stop()
    postgres.start()
    assert store.append([said("meanwhile"), said("after")]) == [False, True]  # nobody had noticed
    store.close()


def test_a_sqlite_file_that_was_deleted_takes_nothing_more(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'capture.db'}")
    store.append([said("kept")])
    (tmp_path / "capture.db").unlink()
    for ask in (lambda: store.append([said("lost")]), store.check, store.counts):
        with pytest.raises(StoreDown, match="deleted or replaced"):
            ask()
    store.close()


def test_a_sqlite_store_is_nobody_else_s_to_read_and_survives_a_power_cut(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'capture.db'}")
    store.append([said("a")])
    files = {part.name for part in tmp_path.iterdir() if part.stat().st_mode & 0o077 == 0}
    assert files == {"capture.db", "capture.db-wal", "capture.db-shm"}
    with sqlite3.connect(tmp_path / "capture.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    # What a power cut leaves: the files as they were when `append` returned.
    for part in list(tmp_path.iterdir()):
        if not part.name.endswith("-shm"):
            (tmp_path / part.name.replace("capture", "copy")).write_bytes(part.read_bytes())
    store.close()
    copy = Store(f"sqlite:///{tmp_path / 'copy.db'}")
    assert copy.event("a") == b"{}"
    copy.close()


def test_opening_and_writing_take_turns_with_whoever_holds_the_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'capture.db'}"
    Store(url).close()
    holder = sqlite3.connect(tmp_path / "capture.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: Store(url).append([said("waited")]))
        assert not waiting.done()
        holder.execute("COMMIT")
        assert waiting.result() == [True]
    holder.close()
