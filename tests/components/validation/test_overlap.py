"""Questions of evaluation sets are found in preferences, however they are written, and nothing else is."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from components.feedback.readers import read
from components.feedback.readers.questions import questions
from components.records.errors import BadInput
from components.records.schemas import Preference, as_records
from components.validation.overlap import SETS, find

LONG = "Imagine you are writing a blog post comparing two popular smartphone models for readers who travel a great deal"
SHORT = "Why is the sky blue?"
KNOWN = pl.DataFrame({"file": ["mt-bench.jsonl", "own.txt", "own.txt"], "text": [LONG, SHORT, LONG]}, schema=SETS)


def preference(prompt: str, chosen: str = "Yes.", rejected: str = "No.", *before: str) -> dict[str, object]:
    turns = [*before, prompt]
    roles = ["user" if (len(turns) - at) % 2 else "assistant" for at in range(len(turns))]
    said = [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=True)]
    answers = [[{"role": "assistant", "content": text}] for text in (chosen, rejected)]
    return {"prompt": said, "chosen": answers[0], "rejected": answers[1]}


def records(*rows: dict[str, object]) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows)).with_columns(strength=1.0, weight=1.0, source=pl.lit("test"))
    return as_records(frame, Preference)


def reasons(*rows: dict[str, object]) -> list[list[str]]:
    """What is told of each row."""
    frame = records(*rows)
    found = find(frame, KNOWN)
    return [found.filter(pl.col("id") == id)["reason"].to_list() for id in frame["id"]]


def test_each_way_to_overlap_is_told_with_the_file_the_kind_and_the_words() -> None:
    inside = f"I was told: {LONG.upper()}, please. And then do it again!"
    exact, other_case, quoted, answered, clean = reasons(
        preference(SHORT),
        preference("why is the SKY blue"),
        preference(inside),
        preference("Write me a task", "Go for a walk.", f"Here is one. {LONG} and money."),
        preference("Why is the sea blue?", "Why is the sky blue? I do not know."),
    )
    assert exact == ["its prompt says exactly what is in the evaluation set own.txt: “Why is the sky blue?”"]
    assert other_case == [
        "its prompt says, but for case and punctuation, what is in the evaluation set own.txt: “Why is the sky blue?”"
    ]
    first = "imagine you are writing a blog post comparing two popular smartphone models for"
    assert quoted == [
        f"its prompt shares 13 words with the evaluation set {file}: “{first}”"
        for file in ("mt-bench.jsonl", "own.txt")
    ]
    assert [reason.split(" the evaluation")[0] for reason in answered] == [
        "its rejected answer shares 13 words with"
    ] * 2
    assert clean == []


def test_the_last_question_of_a_conversation_counts_and_what_the_assistant_says_in_it() -> None:
    last, told = reasons(
        preference(SHORT, "Yes.", "No.", "Hello!", "Hi, what is it?"),
        preference("Do that.", "Yes.", "No.", "What shall I do?", f"{LONG}."),
    )
    assert len(last) == 1
    assert len(told) == 2


@pytest.mark.parametrize(("words", "hits"), [(12, 0), (13, 2), (17, 2)])
def test_thirteen_words_in_a_row_are_needed(words: int, hits: int) -> None:
    part = " ".join(LONG.split()[2 : 2 + words])
    found = reasons(preference(f"Something else altogether {part} something else"))
    assert len(found[0]) == hits
    scrambled = " ".join(reversed(LONG.split()))
    assert reasons(preference(scrambled)) == [[]]


def test_what_is_remembered_is_told_again_and_other_sets_are_looked_for_anew(tmp_path: Path) -> None:
    frame = records(preference(SHORT), preference("Something else?"), preference(LONG))
    first = find(frame[:2], KNOWN, tmp_path)
    assert find(frame, KNOWN, tmp_path).equals(find(frame, KNOWN))
    assert find(frame[:2], KNOWN, tmp_path).equals(first)
    fewer = KNOWN.filter(pl.col("file") == "mt-bench.jsonl")
    assert find(frame, fewer, tmp_path)["id"].to_list() == [frame["id"][2]]
    assert find(frame, KNOWN.clear(), tmp_path).is_empty()


def test_a_set_drawn_from_real_data_is_found_there_and_another_real_set_is_not(shared_data: Path) -> None:
    frame = read([shared_data / "hh-rlhf" / "harmless-base-test.jsonl.gz"], None).frames["preferences"][:1000]
    asked = frame["prompt"].list.last().struct.field("content")
    held = frame.with_columns(text=asked).filter(pl.col("text").str.split(" ").list.len() >= 5)[:200]
    sets = held.select(file=pl.lit("held.txt"), text="text")
    found = find(frame, sets)
    assert set(held["id"]) <= set(found["id"])
    others = find(frame, questions(shared_data / "alpaca-eval" / "claude-2.1.json.gz"))
    assert others.height <= 1  # nobody asked these of the assistant of 2022


def test_evaluation_sets_of_every_kind_are_read(tmp_path: Path, shared_data: Path) -> None:
    files = {
        "lines.txt": f"{SHORT}\n\n  {LONG}\n",
        "turns.jsonl": json.dumps({"question_id": 81, "turns": [LONG, "Now shorter."]}),
        "keys.jsonl": "\n".join(json.dumps({"question": text, "answer": "4"}) for text in (SHORT, SHORT, LONG)),
        "table.csv": f"prompt,label\n{SHORT},1\n",
        "pairs.jsonl": json.dumps({"prompt": SHORT, "chosen": "Air.", "rejected": "Paint."}),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(json.dumps({"instruction": SHORT}).encode()))
    told = {file.name: questions(file)["text"].to_list() for file in tmp_path.iterdir()}
    assert told == {
        "lines.txt": [SHORT, LONG],
        "turns.jsonl": [LONG],
        "keys.jsonl": [SHORT, LONG],
        "table.csv": [SHORT],
        "pairs.jsonl": [SHORT],
        "packed.jsonl.gz": [SHORT],
    }
    assert questions(shared_data / "alpaca-eval" / "claude-2.1.json.gz").height == 805


def test_a_file_without_questions_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "numbers.jsonl").write_text('{"score": 4}\n')
    (tmp_path / "empty.txt").write_text("\n\n")
    for name in ("numbers.jsonl", "empty.txt"):
        with pytest.raises(BadInput, match="no question"):
            questions(tmp_path / name)
