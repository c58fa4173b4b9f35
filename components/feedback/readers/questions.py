"""Reads the questions out of a file of an evaluation set: any known format, rows with a question, or lines of text.

Knows nothing of what they are compared with.
"""

from pathlib import Path

import polars as pl

from components.feedback.readers import read
from components.feedback.readers.files import rows_of
from components.records.errors import BadInput
from components.records.messages import asked, text_of

KEYS = ("prompt", "question", "instruction", "query", "input", "text", "turns[0]", "messages[0].content")
"""Where rows of no known format have their question, the first that a row has."""

LINES = {".txt", ".md"}


def questions(path: Path) -> pl.DataFrame:
    """Read the questions of one file.

    Returns:
        `file` (its name) and `text` (what a user asks in the question, all turns), each question once.

    Raises:
        BadInput: the file as a whole cannot be read, or there is no question in it.
    """
    texts = _lines(path) if path.suffix in LINES else _rows(path)
    sound = texts.str.strip_chars().drop_nulls()
    sound = sound.filter(sound != "").unique(maintain_order=True)
    if sound.is_empty():
        raise BadInput(
            "there is no question in this file",
            path,
            f"Give each row one of {', '.join(KEYS)}, or name the file .txt and write a question a line.",
        )
    return pl.DataFrame({"text": sound}).select(file=pl.lit(path.name), text="text")


def _lines(path: Path) -> pl.Series:
    try:
        return pl.Series(path.read_text(encoding="utf-8").splitlines(), dtype=pl.String)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the file cannot be read: {error}", path, "Check the path, and save it as UTF-8.") from None


def _rows(path: Path) -> pl.Series:
    rows = rows_of(path)
    try:
        reading = read([path], None)
    except BadInput:
        return _by_key(rows)
    frames = reading.frames
    prompts = pl.concat([frames[kind]["prompt"] for kind in ("interactions", "preferences", "unpaired", "checklists")])
    said = prompts.to_frame("prompt").select(pl.coalesce(asked(pl.col("prompt")), text_of(pl.col("prompt"))))
    # A row that is no good to train on still asks something.
    return pl.concat([said.to_series(), _by_key(reading.problems).rename("prompt")])


def _by_key(rows: pl.DataFrame) -> pl.Series:
    return rows.select(pl.coalesce(pl.col("row").str.json_path_match(f"$.{key}") for key in KEYS)).to_series()
