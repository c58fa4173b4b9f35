"""A file is whole or not there, whatever happens while it is written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from components.workspace.files import folder_aside, place, place_text


def test_a_file_is_made_with_its_folders_and_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "notes.txt"
    place_text(target, "first — with a longer text\n")
    place_text(target, "zweitens: ü\n")
    assert target.read_bytes() == "zweitens: ü\n".encode()
    assert [path.name for path in target.parent.iterdir()] == ["notes.txt"]
    assert target.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("before", ["old", None])
def test_a_writer_that_fails_half_way_leaves_what_was_there(tmp_path: Path, before: str | None) -> None:
    target = tmp_path / "notes.txt"
    if before:
        target.write_text(before)

    def write(aside: Path) -> None:
        aside.write_text("half of the n")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        place(target, write)
    assert [path.read_text() for path in tmp_path.iterdir()] == ([before] if before else [])


WRITE = """
import sys, time
from pathlib import Path
from components.workspace.files import place
def write(aside):
    aside.write_text("half of the n")
    print("ready", flush=True)
    time.sleep(60)
place(Path(sys.argv[1]), write)
"""


def test_a_killed_writer_leaves_what_was_there(tmp_path: Path, script: Callable) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("old")
    with script(WRITE, target) as process:
        process.kill()
    assert target.read_text() == "old"
    place_text(target, "new")
    assert target.read_text() == "new"


ASIDE = """
import sys, time
from pathlib import Path
from components.workspace.files import folder_aside
with folder_aside(Path(sys.argv[1])) as folder:
    (folder / "half of it").write_text("x")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_had_put_aside_goes_with_the_next_and_what_a_living_one_has_stays(
    tmp_path: Path, script: Callable
) -> None:
    with script(ASIDE, tmp_path) as killed:
        killed.kill()
        killed.wait()
        assert len(list(tmp_path.glob("aside-*/half of it"))) == 1
    with script(ASIDE, tmp_path) as living:
        assert len(list(tmp_path.glob("aside-*/half of it"))) == 1
        with folder_aside(tmp_path) as mine:
            assert mine.is_dir()
            assert len(list(tmp_path.glob("aside-*/half of it"))) == 1
        assert not mine.exists()
        living.kill()
        living.wait()
    with folder_aside(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
