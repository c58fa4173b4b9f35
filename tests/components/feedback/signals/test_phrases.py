"""Phrases are tables that a person can write; what is wrong with one is found when it is read."""

import polars as pl
import pytest

from components.feedback.signals import phrases
from components.feedback.signals.rubric_names import POLARITY


def found(*turns: str) -> list[tuple[int, str]]:
    laid = pl.DataFrame({"said": turns}).select(laid=phrases.laid_out(pl.col("said")))["laid"]
    return [(row, " ".join(phrase.split())) for row, phrase in phrases.occurrences(laid).select("row", "phrase").rows()]


def test_a_template_is_all_its_phrases() -> None:
    words = {"is": "that's|it is"}
    assert phrases.expanded("({is}) not (very|) good", words) == [
        "that's not very good",
        "that's not good",
        "it is not very good",
        "it is not good",
    ]
    for broken in ("(a|b", "a) b", "((a|b) c|d)", "{nobody} is", "a|b"):
        with pytest.raises(ValueError, match="brackets"):
            phrases.expanded(broken, words)


def test_every_section_is_a_rubric_or_known_and_tells_something() -> None:
    table = phrases.table()
    assert set(table["shows"]) == {*POLARITY, "refusal", "nothing"}
    assert table["phrase"].is_unique().all()
    assert table.filter(pl.col("shows") != "nothing")["tells"].is_between(0.1, 4).all()
    assert (table["words"] >= 0).all()


def test_the_longest_phrase_is_found_and_hides_those_in_it() -> None:
    assert found("Not bad at all!", "bad", "Knot badge") == [(0, "not bad at all"), (1, "^ bad")]
    assert found("no, thanks", "no. Thanks") == [(0, "^ no thanks"), (1, "^ no ."), (1, "thanks")]
    assert found("I don’t care", "I dont care", "i do not care") == [
        (0, "i dont care"),
        (1, "i dont care"),
        (2, "i do not care"),
    ]


def test_punctuation_parts_sentences_and_nothing_else() -> None:
    assert found("That's, well, -- wrong") == [(0, "wrong")]
    assert found("that's -- wrong", "that's\twrong", "that's.wrong") == [
        (0, "thats wrong"),
        (1, "thats wrong"),
        (2, "^ wrong"),
    ]
