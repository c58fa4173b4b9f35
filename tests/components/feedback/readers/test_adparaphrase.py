"""AdParaphrase: votes of ten judges, in the published file and in rows with what that does not hold."""

from collections.abc import Callable
from pathlib import Path

import pytest

from components.feedback.readers import Reading, read


def votes(first: object, second: object, skipped: object, **others: object) -> dict[str, object]:
    return {
        "ad1": "無料相談はこちら",
        "ad2": "まずは、無料相談から",
        "count.preference_ad1": first,
        "count.preference_ad2": second,
        "count.preference_skip": skipped,
        **others,
    }


def test_the_published_votes_are_read(shared_data: Path) -> None:
    reading = read([shared_data / "adparaphrase" / "adparaphrase.csv"], None)
    assert list(reading.formats.values()) == ["adparaphrase"]
    preferences = reading.frames["preferences"]
    assert len(preferences) == 644
    assert dict(reading.problems["reason"].value_counts().iter_rows()) == {
        "no judge voted on this pair": 510,
        "a tie: neither answer is preferred": 81,
        "ad2 is missing": 3,
    }
    first = preferences.row(0, named=True)
    assert first["chosen"] == [{"role": "assistant", "content": "まずは、無料カウンセリングから"}]
    assert first["rejected"] == [{"role": "assistant", "content": "無料カウンセリングはこちらから"}]
    assert first["prompt"][0]["role"] == "user"
    assert (first["strength"], first["language"], first["rater"]) == (pytest.approx(0.2), "ja", None)
    assert preferences["strength"].round(6).n_unique() == 10  # every lead from one vote in ten to ten


def test_judges_who_skip_make_a_preference_weaker(read_rows: Callable[..., Reading]) -> None:
    rows = (votes(1, 0, 9), votes(0, 10, 0, ad1="見積"), votes("3", "1", None, ad1="安心"))
    strengths = read_rows(*rows).frames["preferences"]["strength"].to_list()
    assert strengths == pytest.approx([0.1, 1.0, 0.5])


def test_a_bad_pair_is_told_why_and_the_next_one_is_read(read_rows: Callable[..., Reading]) -> None:
    reading = read_rows(
        votes("many", 0, 0),
        votes(1, -1, 0),
        votes(5, 4, 1, ad2=None),
        votes(5, 5, 0),
        votes(None, None, None),
        votes(9, 1, 0),
    )
    assert reading.problems.select("line", "reason").rows() == [
        (1, 'count.preference_ad1 is "many", must be a number'),
        (2, "count.preference_ad2 is below 0"),
        (3, "ad2 is missing"),
        (4, "a tie: neither answer is preferred"),
        (5, "no judge voted on this pair"),
    ]
    assert reading.frames["preferences"]["strength"].to_list() == pytest.approx([0.8])
