"""Killed under load, again and again, the service has every event that it acknowledged, exactly once."""

from pathlib import Path

from benchmarks.capture import killed


def test_every_acknowledged_event_outlives_three_kills_under_load(store_url: str, tmp_path: Path) -> None:
    done = killed(tmp_path, store_url, kills=3, lives=(0.4, 0.8))
    assert done.acknowledged > 500
    assert (done.lost, done.doubled) == (0, 0)
