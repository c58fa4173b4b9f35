"""The journal: a line for everything, written by many at once, that never grows for ever and never holds work up."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components import journal
from components.records.errors import BadInput

WRITE = """
import sys
from pathlib import Path
from components import journal
journal.LONGEST = int(sys.argv[3])
journal.keep(Path(sys.argv[1]), lambda: "run-" + sys.argv[2])
for number in range(500):
    journal.tell("capture", "store", ids=[f"{sys.argv[2]}-{number}"])
"""


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Path]:
    """A folder for the journal of this process, which writes none afterwards."""
    before = list(journal.log.handlers)
    journal.keep(tmp_path / "logs", lambda: "run-1")
    yield tmp_path / "logs"
    for handler in set(journal.log.handlers) - set(before):
        journal.log.removeHandler(handler)
        handler.close()


def read(logs: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in logs.glob("*.jsonl*") for line in file.read_text().splitlines()]


def test_a_line_says_when_who_what_and_what_it_belongs_to(logs: Path) -> None:
    journal.tell("landing", "land", batch="000001-ab", run=None)
    [line] = read(logs)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "part": "landing",
        "event": "land",
        "correlation": "run-1",
        "batch": "000001-ab",
    }


def test_what_fails_is_told_in_words_only_where_heed_chose_them(logs: Path) -> None:
    with pytest.raises(ValueError, match="ada"), journal.stage("training", "fit reward", dataset="d"):
        raise ValueError("ada@example.org said: no")
    with pytest.raises(BadInput), journal.stage("landing", "land"):
        raise BadInput("the disk is full", "/data", "Make room.")
    with journal.stage("evaluation", "measure") as told:
        told["run"] = "r"
    begun, failed, _, refused, _, done = read(logs)
    assert (begun["state"], failed["state"], failed["error"]) == ("begun", "failed", "ValueError")
    assert failed["level"] == refused["level"] == "warning"
    assert refused["error"] == "the disk is full (/data). Make room."
    assert (done["state"], done["run"]) == ("done", "r")
    assert done["seconds"] < 1


@pytest.mark.parametrize("longest", [2_000_000, 60_000])
def test_lines_of_many_processes_are_whole_and_all_there(tmp_path: Path, longest: int) -> None:
    command = [sys.executable, "-c", WRITE, str(tmp_path)]
    writers = [subprocess.Popen([*command, str(number), str(longest)]) for number in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    written = read(tmp_path)
    assert {line["ids"][0] for line in written} == {f"{who}-{n}" for who in range(4) for n in range(500)}
    assert len(written) == 2000
    assert len(list(tmp_path.glob("*.jsonl*"))) == (1 if longest > 1_000_000 else 5)
    # Each has about 65 KB at most, whoever else was writing when it was put away.
    assert max(file.stat().st_size for file in tmp_path.glob("*.jsonl*")) < longest + 5_000


def test_the_oldest_lines_go_and_the_newest_stay(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LONGEST", 2_000)
    for number in range(500):
        journal.tell("capture", "store", ids=[f"number-{number}"])
    assert sum(file.stat().st_size for file in logs.glob("*.jsonl*")) < 6 * 2_000
    assert journal.lines(logs, ["number-499"])[0]["ids"] == ["number-499"]
    kept = sorted(int(line["ids"][0].removeprefix("number-")) for line in read(logs))
    assert kept[0] > 300
    assert kept == list(range(kept[0], 500))


def test_work_goes_on_where_there_is_no_room_to_write_about_it(tmp_path: Path) -> None:
    # Every write to such a device fails, as on a full disk.
    (tmp_path / "capture.jsonl").symlink_to("/dev/full")
    told = subprocess.run(
        [sys.executable, "-c", WRITE, str(tmp_path), "1", "9999"],
        env=os.environ | {journal.WRITER: "capture"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_who_keeps_none_is_told_nothing_at_a_terminal_either() -> None:
    script = "from components import journal; journal.tell('a', 'b'); journal.trouble('a', 'b')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
