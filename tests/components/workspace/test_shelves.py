"""What is put on shelves comes back whole, in order, and beside what it belongs to."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from components.workspace import shelves as module
from components.workspace.shelves import shelves

NOTHING = pl.DataFrame(schema={"place": pl.Int64, "number": pl.UInt64})


@pytest.mark.parametrize("count", [1, 7])
def test_every_row_comes_back_once_and_with_its_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(module, "AT_HAND", 2_000)  # so that some are written down and some are not yet
    rows = pl.DataFrame({"place": range(1000)}).with_columns(number=(pl.col("place") * 7919 % 100).cast(pl.UInt64))
    with shelves(tmp_path, count) as aside:
        for piece in rows.iter_slices(90):
            aside.put("rows", piece, piece["number"])
        taken = [aside.take("rows", shelf, NOTHING) for shelf in range(count)]
        again = [aside.take("rows", shelf, NOTHING) for shelf in range(count)]
    for shelf, twice in zip(taken, again, strict=True):
        assert shelf["place"].is_sorted()
        assert_frame_equal(shelf, twice)
    assert_frame_equal(pl.concat(taken).sort("place"), rows)
    assert sum(shelf["number"].n_unique() for shelf in taken) == 100


def test_nothing_is_left_on_disk_even_by_one_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "shelves-killed" / "rows").mkdir(parents=True)
    with shelves(tmp_path, 2) as aside:
        aside.put_on("rows", pl.DataFrame({"place": [1], "number": [1]}, schema=NOTHING.schema), 1)
        assert aside.take("rows", 0, NOTHING).is_empty()
        assert aside.take("rows", 1, NOTHING).height == 1
        assert len(list(tmp_path.iterdir())) == 1
    assert not list(tmp_path.iterdir())
