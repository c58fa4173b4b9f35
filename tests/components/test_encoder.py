"""A text's vector is a property of the text; what was computed is not computed again, and damage is not believed."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.encoder import Encoder
from components.records.errors import BadInput

TEXTS = pl.Series(
    ["A rose is red.", "", "   ", "Überraschung 🎉", "Sorry, I cannot help with that.", "very long " * 400]
)
FEW = TEXTS[:4]
FINE = 2e-3  # what float16 tells apart in numbers of this size


@pytest.fixture(scope="module")
def forgetful() -> Encoder:
    return Encoder("", None)


def files(memory: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in memory.rglob("*") if path.is_file()}


def test_a_vector_does_not_depend_on_the_batch_or_the_order(forgetful: Encoder) -> None:
    together = forgetful.encode(TEXTS, "read")
    assert together.shape == (6, 6 * 384)
    assert np.isfinite(together).all()
    backwards = forgetful.encode(TEXTS.reverse(), "read")[::-1]
    alone = np.vstack([forgetful.encode(TEXTS[i : i + 1], "read") for i in range(len(TEXTS))])
    crowded = forgetful.encode(pl.concat([TEXTS, pl.Series([f"other {i}" for i in range(8)])]), "read")[:6]
    for other in (backwards, alone, crowded):
        assert np.abs(other - together).max() < FINE
    apart = np.abs(together[:, None] - together[None]).max(axis=2)[np.triu_indices(6, 1)]
    assert np.sort(apart)[1] > 100 * FINE  # all but "" and "   ", which hold no word, differ


def test_nothing_is_read_as_nothing(forgetful: Encoder) -> None:
    assert forgetful.encode(pl.Series([], dtype=pl.String), "read").shape == (0, 6 * 384)


def test_what_is_remembered_is_not_computed_again(tmp_path: Path) -> None:
    first = Encoder("", tmp_path).encode(TEXTS, "read")
    kept = files(tmp_path)
    assert kept
    again = Encoder("", tmp_path)
    again.model = None  # it could not compute
    assert np.array_equal(again.encode(TEXTS.reverse(), "read")[::-1], first)
    assert files(tmp_path) == kept


def test_only_what_is_new_is_computed(tmp_path: Path) -> None:
    encoder = Encoder("", tmp_path)
    encoder.encode(TEXTS[:3], "read")
    encoder.encode(TEXTS, "read")
    held = [pl.read_parquet(file).height for file in files(tmp_path)]
    assert sorted(held) == [3, 3]


@pytest.mark.parametrize("damage", ["empty", "cut short", "zeros", "another's"])
def test_a_damaged_memory_is_computed_again_and_mended(damage: str, tmp_path: Path) -> None:
    first = Encoder("", tmp_path).encode(FEW, "read")
    (file,) = files(tmp_path)
    whole = file.read_bytes()
    if damage == "another's":  # well formed, but vectors of another width
        frame = pl.read_parquet(file)
        frame.with_columns(vector=pl.col("vector").bin.slice(0, 64)).write_parquet(file)
    else:
        middle = len(whole) // 2
        broken = {"empty": b"", "cut short": whole[:middle], "zeros": whole[:8] + bytes(middle) + whole[8 + middle :]}
        file.write_bytes(broken[damage])
    assert np.abs(Encoder("", tmp_path).encode(FEW, "read") - first).max() < FINE
    again = Encoder("", tmp_path)
    again.model = None
    assert np.abs(again.encode(FEW, "read") - first).max() < FINE


def test_an_encoder_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    for name in (str(tmp_path), "nobody-at-all/no-such-encoder"):
        with pytest.raises(BadInput, match=rf"no encoder can be loaded from '{name}'.*\(reward\.encoder\)"):
            Encoder(name, None)
