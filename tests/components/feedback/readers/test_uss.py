"""Rated dialogues of User Satisfaction Simulation (USS), the published files and lines made after them."""

from pathlib import Path

import polars as pl
import pytest

from components.feedback.readers import Reading, read

DIALOGUE = """USER\tA table for two?\tRestaurant-Inform\t3,4
SYSTEM\tCanteen or café? 🍞\tRestaurant-Select\t
SYSTEM\tBoth are near.\t\t
USER\tNeither!\tRestaurant-Inform\t1,2
SYSTEM\tThen nothing.\t\t
USER\tOVERALL\t\t2,5\trude; not so bad
"""


def read_text(tmp_path: Path, text: str) -> Reading:
    (tmp_path / "rated.txt").write_bytes(text.encode())
    return read([tmp_path / "rated.txt"], None)


def said(messages: list[dict[str, str]]) -> list[str]:
    return [f"{message['role']}: {message['content']}" for message in messages]


def test_an_answer_is_heard_through_the_next_turn_and_its_ratings(tmp_path: Path) -> None:
    reading = read_text(tmp_path, f"\n{DIALOGUE}\n")
    first, second = reading.frames["interactions"].iter_rows(named=True)
    assert said(first["prompt"]) == ["user: A table for two?"]
    assert said(first["response"]) == ["assistant: Canteen or café? 🍞", "assistant: Both are near."]
    assert said(second["prompt"]) == [*said(first["prompt"]), *said(first["response"]), "user: Neither!"]
    assert said(second["response"]) == ["assistant: Then nothing."]
    feedback = reading.frames["feedback"].select("interaction", "kind", "score", "aspect", "text", "user")
    assert feedback.rows() == [
        (first["id"], "followup", None, None, "Neither!", None),
        (first["id"], "rating", -1.0, None, None, "rater-1"),
        (first["id"], "rating", -0.5, None, None, "rater-2"),
        (second["id"], "rating", -0.5, "overall", "rude", "rater-1"),
        (second["id"], "rating", 1.0, "overall", "not so bad", "rater-2"),
    ]


def test_line_endings_and_blank_lines_change_nothing(tmp_path: Path) -> None:
    plain = read_text(tmp_path, DIALOGUE).frames
    windows = read_text(tmp_path, DIALOGUE.replace("\n", "\r\n") + "\r\n \r\n").frames
    for kind in ("interactions", "feedback"):
        assert plain[kind].equals(windows[kind])


def test_dialogues_that_begin_alike_do_not_share_raters_and_the_same_one_twice_is_one(tmp_path: Path) -> None:
    other = DIALOGUE.replace("Then nothing.", "As you like.")
    frames = read_text(tmp_path, "\n".join([DIALOGUE, other, DIALOGUE])).frames
    assert (len(frames["interactions"]), frames["interactions"]["id"].n_unique()) == (6, 4)
    assert (len(frames["feedback"]), frames["feedback"]["id"].n_unique()) == (15, 10)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Then nothing.", " ", "turn 5 says nothing"),
        ("1,2", "1,6", 'the ratings of turn 4 are "1,6", must be from 1 to 5'),
        ("1,2", "1,good", 'the ratings of turn 4 are "1,good", must be from 1 to 5'),
        ("USER\tNeither!", "CLERK\tNeither!", "turn 4 begins with neither USER nor SYSTEM"),
        ("SYSTEM", "USER", "no SYSTEM turn answers a USER turn"),
    ],
)
def test_a_broken_dialogue_is_told_by_the_line_it_begins_on(tmp_path: Path, old: str, new: str, reason: str) -> None:
    reading = read_text(tmp_path, f"{DIALOGUE}\n{DIALOGUE.replace(old, new)}")
    assert reading.problems.select("line", "reason").rows() == [(8, reason)]
    assert len(reading.frames["interactions"]) == 2


def test_a_rater_who_left_a_turn_out_keeps_their_place(tmp_path: Path) -> None:
    feedback = read_text(tmp_path, DIALOGUE.replace("1,2", ",2")).frames["feedback"].filter(pl.col("aspect").is_null())
    assert feedback.select("user", "score").rows() == [(None, None), ("rater-2", -0.5)]


@pytest.mark.parametrize(
    ("name", "answers", "followups", "ratings", "overall", "mean", "last"),
    [
        ("MWOZ", 10_553, 10_553, 36_946, 3_488, 3.0233, "No, are there any guesthouses available in the Centre?"),
        ("SGD", 12_833, 11_833, 42_146, 3_540, 3.1286, "No, you have be most helpful."),
    ],
)
def test_the_published_files_are_read_whole(
    shared_data: Path, name: str, answers: int, followups: int, ratings: int, overall: int, mean: float, last: str
) -> None:
    reading = read([shared_data / "uss" / f"{name}.txt.gz"], None)
    feedback = reading.frames["feedback"]
    assert reading.problems.is_empty()
    assert reading.frames["interactions"]["id"].n_unique() == answers
    assert feedback["id"].n_unique() == followups + ratings + overall
    assert (feedback["kind"] == "followup").sum() == followups
    of_turns = feedback.filter((pl.col("kind") == "rating") & pl.col("aspect").is_null())
    assert (len(of_turns), (feedback["aspect"] == "overall").sum()) == (ratings, overall)
    assert of_turns["score"].mean() * 2 + 3 == pytest.approx(mean, abs=0.00005)
    assert feedback.filter(pl.col("kind") == "followup")["text"][-1] == last
