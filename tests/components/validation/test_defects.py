"""Defects planted in real data: each kind is caught, named and held, and not one sound row with it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from components.feedback.readers import read
from components.feedback.readers.files import rows_of
from components.records.errors import BadInput
from components.validation.batch import judge

Row = dict[str, Any]
Spoil = Callable[[Row], Row | str | bytes]

PAIRS = 300  # of the published file that the defects are planted among


def put(**values: Any) -> Spoil:
    """A row with other values in it."""
    return lambda row: row | values


def without(key: str) -> Spoil:
    return lambda row: {name: value for name, value in row.items() if name != key}


def written(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False)


def text(change: Callable[[str], str]) -> Spoil:
    """A row whose JSON text is changed."""
    return lambda row: change(written(row))


def answer(change: Callable[[str], str]) -> Spoil:
    """A transcript with another last answer."""

    def spoil(row: Row) -> Row:
        asked, said = row["chosen"].rsplit("\n\nAssistant:", 1)
        return row | {"chosen": f"{asked}\n\nAssistant:{change(said)}"}

    return spoil


def said(role: Any, content: Any) -> list[Row]:
    return [{"role": role, "content": content}]


def both(change: Callable[[str], str]) -> Spoil:
    """A row that rejects what it chooses, but for a change."""
    return lambda row: row | {"rejected": change(row["chosen"])}


def turned(transcript: str) -> str:
    """Who asks answers, and the other way round."""
    return transcript.replace("Human:", "X:").replace("Assistant:", "Human:").replace("X:", "Assistant:")


TRANSCRIPTS: dict[str, tuple[Spoil, str]] = {
    "broken JSON": (text(lambda line: line.replace('": "', '" "', 1)), "not valid JSON"),
    "cut off": (text(lambda line: line[: len(line) // 2].rstrip("}")), "not valid JSON: cut off before its end"),
    "two rows on one line": (text(lambda line: f"{line} {line}"), "not valid JSON"),
    "wrong encoding": (lambda row: written(row).replace("Human", "Hümän", 1).encode("latin-1", "replace"), "not UTF-8"),
    "NUL bytes": (lambda row: written(row).encode() + b"\x00" * 8, "holds NUL characters"),
    "NUL in a text": (answer(lambda said: f"{said}\x00"), "chosen has a message with a NUL character"),
    "lone surrogate": (text(lambda line: line.replace("Human:", "Human: \\ud83d", 1)), "a lone surrogate"),
    "byte order mark": (text(lambda line: "\ufeff" + line), "a byte order mark stands before it"),
    "HTML error page": (
        lambda _: "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>",
        "not valid JSON: an HTML or XML page",
    ),
    "no object": (text(lambda line: f"[{line}]"), "not a JSON object"),
    "missing key": (without("rejected"), "rejected is missing"),
    "null": (put(chosen=None), "chosen is missing"),
    "number for a text": (put(chosen=7), "chosen is 7, must be a text"),
    "list for a text": (put(rejected=["no"]), "rejected is a list, must be a text"),
    "deep nesting": (
        text(lambda line: written({"chosen": 0}).replace("0", "[" * 3000 + "]" * 3000)),
        "chosen is a list",
    ),
    "empty text": (put(chosen=""), "chosen is not a transcript"),
    "empty answer": (answer(lambda _: ""), "chosen ends with an empty answer"),
    "white space for an answer": (answer(lambda _: " \n\t\u3000"), "chosen ends with an empty answer"),
    "invisible answer": (answer(lambda _: "\u200b\u2060"), "chosen has a message that says nothing"),
    "absurdly long answer": (
        answer(lambda said: said * (1 + 1_000_000 // len(said))),
        "more than 1,000,000 characters",
    ),
    "chosen is rejected": (both(str), "chosen and rejected are the same answer"),
    "chosen is rejected but for its end": (both(lambda said: f"{said} \n"), "chosen and rejected are the same answer"),
    "chosen is rejected but for spaces": (
        lambda row: answer(lambda _: " One  two.")(row) | {"rejected": answer(lambda _: " One two.")(row)["chosen"]},
        "chosen and rejected differ in nothing but spaces",
    ),
    "answers to different questions": (
        lambda row: row | {"rejected": row["rejected"].replace("Human:", "Human: By the way,", 1)},
        "chosen and rejected answer different conversations",
    ),
    "swapped roles": (lambda row: {key: turned(value) for key, value in row.items()}, "does not begin with"),
    "nobody answers": (
        lambda row: {key: value.rsplit("\n\nAssistant:", 1)[0] for key, value in row.items()},
        "chosen does not end with the assistant",
    ),
}

MESSAGES: dict[str, tuple[Spoil, str]] = {
    "null prompt": (put(prompt=None), "there is no prompt"),
    "empty list": (put(prompt=[]), "prompt has no message"),
    "no answer in the list": (put(rejected=[]), "rejected has no message"),
    "unknown role": (put(chosen=said("bot", "Hello!")), "chosen has a message whose role is not one of"),
    "null content": (put(chosen=said("assistant", None)), "role or content is missing or not a text"),
    "number for a content": (put(chosen=said("assistant", 3)), "role or content is missing or not a text"),
    "object for a conversation": (put(prompt={"role": "user"}), "prompt is an object, must be a text or a list"),
    "prompt ends with the assistant": (put(prompt=said("assistant", "Hello?")), "prompt ends with the assistant"),
    "the user answers": (put(chosen=said("user", "Hello?")), "chosen ends with the user or the system"),
    "NaN": (text(lambda line: line.replace('"strength": 1.0', '"strength": NaN')), "strength is NaN, must be a number"),
    "infinite": (put(strength="1e999"), 'strength is "1e999", must be a number'),
    "out of range": (put(strength=1.5), "strength is 1.5, must be less than or equal to 1"),
    "below range": (put(weight=-2), "weight is -2.0, must be greater than 0"),
    "words for a number": (put(strength="strong"), 'strength is "strong", must be a number'),
    "comma in a number": (put(strength="0,5"), 'strength is "0,5", must be a number'),
    "future": (put(created_at="2999-01-01T00:00:00Z"), "created_at lies in the future"),
    "ancient": (put(created_at="0001-01-01T00:00:00Z"), "created_at lies before 1990"),
    "unset time": (put(created_at=0), "created_at lies before 1990"),
    "milliseconds for seconds": (put(created_at=1767225600000), "must be a time as"),
    "no time": (put(created_at="last Tuesday"), 'created_at is "last Tuesday", must be a time as'),
    "object for a name": (put(rater={"name": "ada"}), "rater is an object, must be a text or a number"),
    "several at once": (put(strength="strong", chosen=3), 'chosen is 3, must be a text.*; strength is "strong"'),
}

EVENTS: dict[str, tuple[Spoil, str]] = {
    "unknown type": (put(type="click"), 'type is "click", must be interaction or feedback'),
    "unknown kind": (put(kind="like"), "kind is like, must be one of thumb, rating"),
    "no kind": (put(kind=None), "kind is missing"),
    "about nothing": (put(interaction=" "), "interaction is missing"),
    "choice without other": (put(other=None), "a choice needs the other answer"),
    "choice of the same": (lambda row: row | {"other": row["interaction"]}, "between two different answers"),
    "thumb without score": (put(kind="thumb"), "a thumb or a rating needs a score"),
    "half a thumb": (put(kind="thumb", score=0.5), "a thumb is up .1. or down .-1."),
    "rating out of range": (put(kind="rating", score=5), "score is 5.0, must be less than or equal to 1"),
    "words for a score": (put(kind="rating", score="good"), 'score is "good", must be a number'),
    "true for a score": (put(kind="rating", score=True), "score is true, must be a number"),
    "edit without text": (put(kind="edit"), "an edit, a followup or a comment needs its text"),
    "blank comment": (put(kind="comment", text=" \u200b"), "an edit, a followup or a comment needs its text"),
    "feedback of the future": (put(created_at=9999999999), "created_at lies in the future"),
    "the same id with other content": (put(id="vote-0", kind="copy", other=None), "another record of its id says"),
}


@dataclass(frozen=True)
class Planted:
    """A file with defects, read and judged.

    Attributes:
        expected: name of each defect to the line it stands on.
        problems: what was held.
        sound: names of the records that the sound rows are.
        landed: names of the records that were taken.
    """

    expected: dict[str, int]
    problems: pl.DataFrame
    sound: set[str]
    landed: set[str]


def plant(
    path: Path, sound: list[Row], defects: dict[str, tuple[Spoil, str]], format: str, spoilt: list[Row]
) -> Planted:
    """Put one row of each defect among the sound ones, evenly, and read the file.

    Args:
        spoilt: the rows that the defects are made of.
    """
    lines: list[str | bytes] = [written(row) for row in sound]
    path.write_text("\n".join(map(str, lines)), encoding="utf-8")
    alone = ids(judge(read([path], format).frames)[0])
    every = len(lines) // len(defects)
    for number, (spoil, _) in enumerate(defects.values()):
        made = spoil(spoilt[number])
        lines.insert(number * (every + 1), written(made) if isinstance(made, dict) else made)
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    reading = read([path], format)
    taken, unsound = judge(reading.frames)
    expected = {name: number * (every + 1) + 1 for number, name in enumerate(defects)}
    return Planted(expected, pl.concat([reading.problems, unsound]), alone, ids(taken))


def ids(frames: dict[str, pl.DataFrame]) -> set[str]:
    return {name for frame in frames.values() for name in frame["id"]}


@pytest.fixture(scope="module")
def pairs(shared_data: Path) -> list[Row]:
    """Sound rows of the published file, no two the same."""
    file = shared_data / "hh-rlhf" / "harmless-base-test.jsonl.gz"
    kept = judge(read([file], None).frames)[0]["preferences"]
    lines = kept["provenance"].list.first().str.split(":").list.last().cast(pl.Int64)
    rows = rows_of(file).filter(pl.col("line").is_in(lines.implode()))["row"]
    return [json.loads(row) for row in rows.head(2 * PAIRS)]


@pytest.fixture(scope="module")
def messages(pairs: list[Row]) -> list[Row]:
    """The same pairs as lists of messages, with a strength, a rater and a time."""
    made = []
    for number, pair in enumerate(pairs):
        asked = pair["chosen"].rsplit("\n\nAssistant:", 1)[0]
        answers = {key: said("assistant", pair[key].rsplit("\n\nAssistant:", 1)[1]) for key in ("chosen", "rejected")}
        who = {"rater": f"rater {number}", "created_at": "2026-01-31T12:00:00Z"}
        made.append({"prompt": said("user", asked), **answers, "strength": 1.0, "weight": 1.0, **who})
    return made


@pytest.fixture(scope="module")
def events(messages: list[Row]) -> list[Row]:
    """Votes between the answers of those pairs, in heed's own format."""
    return [
        {"type": "feedback", "id": f"vote-{number}", "kind": "choice"}
        | {"interaction": f"answer-{number}-a", "other": f"answer-{number}-b", "user": pair["rater"]}
        for number, pair in enumerate(messages)
    ]


@pytest.fixture(scope="module")
def planted(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[Row], messages: list[Row], events: list[Row]
) -> dict[str, Planted]:
    folder = tmp_path_factory.mktemp("defects")
    sets = {"hh-rlhf": (pairs, TRANSCRIPTS), "trl": (messages, MESSAGES), "heed": (events, EVENTS)}
    return {
        format: plant(folder / f"{format}.jsonl", rows[:PAIRS], defects, format, rows[PAIRS:])
        for format, (rows, defects) in sets.items()
    }


DEFECTS = [
    pytest.param(format, name, reason, id=name)
    for format, defects in {"hh-rlhf": TRANSCRIPTS, "trl": MESSAGES, "heed": EVENTS}.items()
    for name, (_, reason) in defects.items()
]


@pytest.mark.parametrize(("format", "name", "reason"), DEFECTS)
def test_a_planted_defect_is_held_and_named(planted: dict[str, Planted], format: str, name: str, reason: str) -> None:
    problems = planted[format].problems
    line = planted[format].expected[name]
    # Feedback does not say where it was read from; its user does.
    marked = list(EVENTS).index(name) + PAIRS if format == "heed" else None
    here = (pl.col("line") == line) | pl.col("row").str.contains(f'"rater {marked}"', literal=True)
    found = problems.filter(here)["reason"].to_list()
    assert len(found) == 1, found
    assert pl.Series(found).str.contains(reason).all(), found


@pytest.mark.parametrize("format", ["hh-rlhf", "trl", "heed"])
def test_nothing_else_is_held_and_every_sound_row_lands(planted: dict[str, Planted], format: str) -> None:
    file = planted[format]
    assert len(file.sound) == PAIRS
    assert file.landed == file.sound
    assert file.problems.height == len(file.expected)


def test_at_least_25_kinds_are_planted() -> None:
    assert len(DEFECTS) >= 25


def test_the_same_row_twice_lands_once_and_is_no_defect(tmp_path: Path, pairs: list[Row]) -> None:
    (tmp_path / "twice.jsonl").write_text("\n".join(map(written, [*pairs[:20], *pairs[5:10]])), encoding="utf-8")
    taken, problems = judge(read([tmp_path / "twice.jsonl"], None).frames)
    assert (taken["preferences"].height, problems.height) == (20, 0)


@pytest.mark.parametrize("value", ["NaN", "1e999", "2.5", "-1"])
def test_a_graded_preference_off_its_scale_is_held(tmp_path: Path, shared_data: Path, value: str) -> None:
    rows = rows_of(shared_data / "alpaca-eval" / "claude-2.1_concise.json.gz")["row"].head(40).to_list()
    spoilt = json.loads(rows[7]) | {"preference": "HERE"}
    rows[7] = written(spoilt).replace('"HERE"', value)
    (tmp_path / "graded.jsonl").write_text("\n".join(rows), encoding="utf-8")
    reading = read([tmp_path / "graded.jsonl"], None)
    _, unsound = judge(reading.frames)
    held = pl.concat([reading.problems, unsound])
    assert held["line"].to_list() == [8]
    assert f"preference is {value}, must be" in held["reason"].item()


def test_a_dialogue_with_a_broken_turn_is_held_whole_and_no_other(tmp_path: Path, shared_data: Path) -> None:
    dialogues = [json.loads(row)["dialogue"] for row in rows_of(shared_data / "uss" / "MWOZ.txt.gz")["row"].head(30)]
    spoilt = {3: ("USER", "CUSTOMER"), 11: ("\t3,3,3", "\t3,9,3"), 19: ("\t3,3,3", "\t3,good,3")}
    for number, (sound, broken) in spoilt.items():
        assert sound in dialogues[number]
        head, tail = dialogues[number].split(sound, 1) if number != 3 else dialogues[number].rsplit(sound, 1)
        dialogues[number] = f"{head}{broken}{tail}"
    (tmp_path / "spoilt.txt").write_text("\n\n".join(dialogues), encoding="utf-8")
    reading = read([tmp_path / "spoilt.txt"], None)
    taken, unsound = judge(reading.frames)
    assert unsound.is_empty()
    assert len(reading.problems) == 3
    assert reading.problems["reason"].str.contains("turn").all()
    assert taken["interactions"].height == reading.frames["interactions"].height > 100


def test_a_row_of_cells_with_one_too_few_is_held(tmp_path: Path, shared_data: Path) -> None:
    lines = (shared_data / "adparaphrase" / "adparaphrase.csv").read_text(encoding="utf-8").splitlines()[:50]
    lines[20] = lines[20].rsplit(",", 1)[0]
    (tmp_path / "cells.csv").write_text("\n".join(lines), encoding="utf-8")
    reading = read([tmp_path / "cells.csv"], None)
    of_it = reading.problems.filter(pl.col("line") == 21)["reason"].to_list()
    assert len(of_it) == 1
    assert "cells where the header names" in of_it[0]


def test_a_compressed_file_that_was_cut_is_refused_whole(tmp_path: Path, shared_data: Path) -> None:
    packed = (shared_data / "hh-rlhf" / "harmless-base-test.jsonl.gz").read_bytes()
    (tmp_path / "cut.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(BadInput, match="ends too early"):
        read([tmp_path / "cut.jsonl.gz"], None)


REAL = {
    "hh-rlhf/harmless-base-test.jsonl.gz": 9,
    "alpaca-eval/claude-2.1.json.gz": 0,
    "uss/MWOZ.txt.gz": 0,
    "uss/SGD.txt.gz": 0,
}


@pytest.mark.parametrize("name", REAL)
def test_published_files_keep_every_contract(shared_data: Path, name: str) -> None:
    reading = read([shared_data / name], None)
    taken, unsound = judge(reading.frames)
    assert unsound.is_empty(), unsound["reason"].value_counts()
    assert reading.problems.height == REAL[name]
    for kind, frame in reading.frames.items():
        assert taken[kind].height == frame["id"].n_unique()
