"""Takes lines that are no text out of a file of lines, so that they do not spoil the others. Knows no format."""

import polars as pl

MOST = 0.5  # of the lines; a file in which more are spoilt is no file of lines
REASONS = {"encoding": "not UTF-8 text", "nul": "holds NUL characters, which no JSON has"}


def part(content: bytes) -> tuple[bytes, pl.DataFrame]:
    """Part lines into sound and spoilt.

    Returns:
        The content with nothing in the place of each spoilt line, so that the others keep their numbers; and the spoilt
        ones: `line` (from 1), `row` (with bytes that are no text written as \\\\xff), `reason`. Where too many are
        spoilt, the content as it is and none.
    """
    if b"\x00" not in content and _is_text(content):
        return content, _none()
    lines = content.split(b"\n")
    spoilt = {number: why for number, line in enumerate(lines) if (why := _why(line))}
    if len(spoilt) > MOST * len(lines):
        return content, _none()
    found = [(number + 1, _written(lines[number]), REASONS[why]) for number, why in spoilt.items()]
    left = b"\n".join(b"" if number in spoilt else line for number, line in enumerate(lines))
    return left, pl.DataFrame(found, schema=_none().schema, orient="row")


def _none() -> pl.DataFrame:
    return pl.DataFrame(schema={"line": pl.Int64, "row": pl.String, "reason": pl.String})


def _why(line: bytes) -> str | None:
    if b"\x00" in line:
        return "nul"
    return None if _is_text(line) else "encoding"


def _is_text(content: bytes) -> bool:
    if content.isascii():  # which is known without a copy of it
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _written(line: bytes) -> str:
    return line.rstrip(b"\r").decode(errors="backslashreplace").replace("\x00", "\\x00")
