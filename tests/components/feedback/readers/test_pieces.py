"""A file larger than memory is read in pieces, as it would be read whole."""

import gzip
import json
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from components.feedback.readers import files, pieces, read
from components.records.errors import BadInput

LINES = 40


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PIECE", 300)


def events(bad: tuple[int, ...] = ()) -> bytes:
    told = {"type": "interaction", "prompt": "Wie geht\u2019s? \U0001f600", "response": "Gut."}
    rows = [json.dumps(told | {"id": str(number)}, ensure_ascii=False) for number in range(LINES)]
    return "\n".join("{broken" if number in bad else row for number, row in enumerate(rows)).encode()


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("packed", [False, True])
def test_pieces_together_are_the_whole_file(tmp_path: Path, packed: bool) -> None:
    content = events(bad=(0, 17, 39))
    file = tmp_path / ("events.jsonl.gz" if packed else "events.jsonl")
    file.write_bytes(gzip.compress(content) if packed else content)
    found = list(pieces([file], None))
    whole = read([file], None)
    assert len(found) > 5
    rows = [reading.frames["interactions"] for reading in found]
    assert sum(frame.height for frame in rows) == LINES - 3
    assert [name for frame in rows for name in frame["id"]] == whole.frames["interactions"]["id"].to_list()
    assert [line for reading in found for line in reading.problems["line"]] == [1, 18, 40]


@pytest.mark.usefixtures("small_pieces")
def test_a_file_that_is_wrong_further_on_says_where(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    lines = events(bad=(35,)).split(b"\n")
    file.write_bytes(b"\n".join([*lines[:30], b"\xff\xfe", *lines[30:]]))
    assert [line for reading in pieces([file], None) for line in reading.problems["line"]] == [31, 37]
    cut_short = tmp_path / "events.jsonl.gz"
    cut_short.write_bytes(gzip.compress(events())[:-200])
    with pytest.raises(BadInput, match="ends too early"):
        list(pieces([cut_short], None))


@pytest.mark.usefixtures("small_pieces")
def test_rows_that_may_be_about_each_other_stay_together(tmp_path: Path) -> None:
    """OASST's rows are messages that name the one they answer."""
    rows = []
    for tree in range(6):
        root = {"message_id": f"{tree}", "parent_id": None, "text": f"Question {tree}?", "role": "prompter"}
        answers = [
            {"message_id": f"{tree}-{rank}", "parent_id": f"{tree}", "text": f"Answer {rank}", "role": "assistant"}
            | {"rank": rank}
            for rank in range(2)
        ]
        rows += [root, *answers]
    about = {"user_id": "u", "lang": "en", "message_tree_id": "t", "created_date": "2023-02-05T14:23:50+00:00"}
    file = tmp_path / "messages.jsonl"
    file.write_text("\n".join(json.dumps(about | {"rank": None} | row) for row in rows))
    [found] = pieces([file], "oasst")
    for kind, frame in read([file], "oasst").frames.items():
        assert_frame_equal(found.frames[kind], frame)
    assert found.frames["preferences"].height == 6


@pytest.mark.usefixtures("small_pieces")
def test_not_one_sound_row_in_any_piece_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join([json.dumps({"type": "interaction", "prompt": "Hello?"})] * LINES))
    with pytest.raises(BadInput, match="not one row of this file can be read; line 1: response is missing"):
        list(pieces([file], None))
