"""Every user turn of a file is there once, in the file's order, beside what it reacts to."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from components.feedback.readers import read
from components.feedback.signals.turns import turns
from components.records.errors import BadInput


def said(path: Path, *columns: str) -> list[tuple[Any, ...]]:
    return pl.concat(list(turns(path, None))).select(columns or ("line", "text")).rows()


def rows(path: Path, *objects: object) -> Path:
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in objects), encoding="utf-8")
    return path


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def model(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def interaction(id: str, *prompt: dict[str, str], response: str, user: str | None = None) -> dict[str, object]:
    return {"type": "interaction", "id": id, "prompt": list(prompt), "response": response, "user": user}


def followup(about: str, text: str) -> dict[str, object]:
    return {"type": "feedback", "interaction": about, "kind": "followup", "text": text}


def test_every_user_line_of_a_dialogue_file_is_a_turn(tmp_path: Path) -> None:
    path = tmp_path / "talks.txt"
    path.write_text(
        "\nUSER\tHi\tGREET\t3,3\nSYSTEM\tHello!\t\nUSER\tTea?\tASK\t3,4\nUSER\tI said tea.\t\t1,2\nSYSTEM\tSorry.\t\n"
        "SYSTEM\tNo tea.\t\nUSER\tBye\tBYE\t2,2\nUSER\tOVERALL\t\t2,2\n"
        "\nUSER\tHi\tGREET\t3,3\nSYSTEM\tHello!\t\nUSER\tOVERALL\t\t3,3\n"
        "\nUSER\tNobody there?\t\t1,1\nUSER\tOVERALL\t\t1,1\n"
    )
    assert said(path, "line", "kind", "text", "asked", "answered", "earlier") == [
        (2, "opening", "Hi", None, None, 0),
        (2, "followup", "Tea?", "Hi", "Hello!", 1),
        (2, "followup", "I said tea.", "Tea?", None, 2),
        (2, "followup", "Bye", "I said tea.", "Sorry.\n\nNo tea.", 3),
        (11, "opening", "Hi", None, None, 0),
        (15, "opening", "Nobody there?", None, None, 0),
    ]


def test_whole_conversations_are_told_turn_by_turn_also_where_two_are_alike(tmp_path: Path) -> None:
    talk = [user("Hi"), model("Hello!"), user("Tea?")]
    row = {"conversation_hash": "a", "conversation": talk, "language": "English", "model": "m"}
    path = rows(tmp_path / "wild.jsonl", row, row, {**row, "conversation": [user("Ça va ?"), model("Oui")]})
    assert said(path) == [(1, "Hi"), (1, "Tea?"), (2, "Hi"), (2, "Tea?"), (3, "Ça va ?")]


def test_a_conversation_over_several_rows_is_told_once(tmp_path: Path) -> None:
    opening, told = (user("Name a tea."), model("Assam."))
    path = rows(
        tmp_path / "events.jsonl",
        interaction("1", opening, response="Assam."),
        followup("1", "Another one."),
        interaction("2", opening, told, user("Another one."), response="Ceylon."),
        {"type": "feedback", "interaction": "2", "kind": "thumb", "score": 1},
        followup("2", "Thanks!"),
        followup("2", "Thanks!"),
        followup("unheard of", "Who are you?"),
    )
    assert said(path, "line", "kind", "text", "asked", "answered", "earlier") == [
        (1, "opening", "Name a tea.", None, None, 0),
        (3, "followup", "Another one.", "Name a tea.", "Assam.", 1),
        (5, "followup", "Thanks!", "Another one.", "Ceylon.", 2),
        (7, "followup", "Who are you?", None, None, None),
    ]


def test_what_a_row_repeats_of_rows_that_are_missing_is_told_there(tmp_path: Path) -> None:
    start = [{"role": "system", "content": "Be kind."}, user("a"), model("A")]
    middle = [*start, user("b"), model("B")]
    path = rows(
        tmp_path / "events.jsonl",
        interaction("1", *start[:2], response="A"),
        interaction("3", *middle, user("c"), response="C"),
        interaction("4", *middle, user("c"), model("C"), user("d"), response="D"),
    )
    assert said(path, "line", "text", "answered", "earlier") == [
        (1, "a", None, 0),
        (2, "a", None, 0),
        (2, "b", "A", 1),
        (2, "c", "B", 2),
        (3, "d", "C", 3),
    ]
    known = rows(
        tmp_path / "known.jsonl",
        interaction("1", *start[:2], response="A", user="ada"),
        interaction("3", *middle, user("c"), response="C", user="ada"),
    )
    assert said(known) == [(1, "a"), (2, "b"), (2, "c")]


def test_a_retry_is_one_turn_and_the_same_words_of_two_people_are_two(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "events.jsonl",
        interaction("1", user("Hi"), response="Hello", user="ada"),
        interaction("2", user("Hi"), response="Hello again", user="ada"),
        interaction("3", user("Hi"), response="Hello", user="bob"),
        interaction("4", user("Hi"), response="Hello"),
        interaction("5", user("Hi"), response="Hello, too"),
    )
    assert said(path) == [(1, "Hi"), (3, "Hi"), (4, "Hi"), (5, "Hi")]


def test_the_prompts_of_preferences_are_told_in_order(tmp_path: Path) -> None:
    talk = "\n\nHuman: a\n\nAssistant: A\n\nHuman: b"
    pair = {"chosen": f"{talk}\n\nAssistant: B", "rejected": f"{talk}\n\nAssistant: C"}
    path = rows(tmp_path / "pairs.jsonl", pair, pair)
    assert said(path, "line", "kind", "text", "answered") == [
        (1, "opening", "a", None),
        (1, "followup", "b", "A"),
        (2, "opening", "a", None),
        (2, "followup", "b", "A"),
    ]


def test_real_preferences_lose_no_turn(shared_data: Path) -> None:
    path = shared_data / "hh-rlhf" / "harmless-base-test.jsonl.gz"
    prompts = read([path], None).frames["preferences"]["prompt"]
    by_users = prompts.explode().struct.unnest().filter(role="user")["content"]
    assert [text for _, text in said(path)] == by_users.to_list()


def test_a_file_that_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        said(tmp_path / "none.jsonl")
    with pytest.raises(BadInput, match="no user turn can be read"):
        said(rows(tmp_path / "wordless.jsonl", {"type": "feedback", "interaction": "a", "kind": "copy"}))


def test_rows_that_cannot_be_read_are_counted_for_the_reader(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = interaction("1", user("Hi"), response="Hello")
    path = rows(tmp_path / "events.jsonl", sound, {"type": "interaction", "prompt": 5}, "neither")
    assert said(path) == [(1, "Hi")]
    assert "2 rows of events.jsonl could not be read" in capsys.readouterr().err
