"""Files as people have them: packed, misnamed, cut off, of the wrong kind."""

import csv
import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.feedback.readers import read
from components.feedback.readers.files import rows_of
from components.records.errors import BadInput

ROWS = [
    {"prompt": "パンの焼き方は?", "chosen": "小麦粉と水を混ぜます 🍞", "rejected": "知りません"},
    {"prompt": 'Say "a, b"\tnow', "chosen": "a,\nb", "rejected": "c"},
]


def json_lines(rows: list[dict[str, str]]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def cells(rows: list[dict[str, str]], separator: str) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0].keys(), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def parquet(rows: list[dict[str, str]]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(rows).write_parquet(out)
    return out.getvalue()


WRITERS: dict[str, Callable[[Any], bytes]] = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": lambda rows: json.dumps(rows, indent=2).encode(),
    ".csv": lambda rows: cells(rows, ","),
    ".tsv": lambda rows: cells(rows, "\t"),
    ".parquet": parquet,
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def refusal(path: Path, format: str | None = None) -> str:
    with pytest.raises(BadInput) as error:
        read([path], format)
    assert error.value.where == str(path)
    return error.value.what


def said(path: Path) -> list[tuple[str, str, str]]:
    frame = read([path], None).frames["preferences"]
    texts = [pl.col(key).list.first().struct.field("content").alias(key) for key in ("prompt", "chosen", "rejected")]
    return frame.select(texts).rows()


@pytest.mark.parametrize(
    ("suffix", "packing"),
    [
        (suffix, packing)
        for suffix in WRITERS
        for packing in PACKERS
        if (suffix, packing) not in {(".parquet", ".gz"), (".parquet", ".zst")}
    ],
)
def test_every_format_reads_the_same_in_every_compression(tmp_path: Path, suffix: str, packing: str) -> None:
    path = tmp_path / f"rows{suffix}{packing}"
    path.write_bytes(PACKERS[packing](WRITERS[suffix](ROWS)))
    assert said(path) == [tuple(row.values()) for row in ROWS]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("packed.jsonl", gzip.compress(json_lines(ROWS), mtime=0)),
        ("plain.jsonl.gz", json_lines(ROWS)),
        ("zstd.json.gz", PACKERS[".zst"](json_lines(ROWS))),
        ("table.jsonl", parquet(ROWS)),
        ("lines.parquet", json_lines(ROWS)),
        ("lines.json", json_lines(ROWS)),
        ("lines.csv", json_lines(ROWS)),
        ("array.jsonl", json.dumps(ROWS, indent=1).encode()),
        ("no-suffix", json_lines(ROWS)),
        ("holder.json", json.dumps({"version": 2, "data": ROWS}).encode()),
        ("bom.jsonl", b"\xef\xbb\xbf" + json_lines(ROWS)),
        ("windows.jsonl", json_lines(ROWS).replace(b"\n", b"\r\n")),
        (
            "members.jsonl.gz",
            gzip.compress(json_lines(ROWS[:1]) + b"\n", mtime=0) + gzip.compress(json_lines(ROWS[1:]), mtime=0),
        ),
        ("frames.zst", PACKERS[".zst"](json_lines(ROWS[:1]) + b"\n") + PACKERS[".zst"](json_lines(ROWS[1:]))),
        ("a [strange] na*me?.parquet", parquet(ROWS)),
    ],
)
def test_content_is_believed_over_the_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert said(tmp_path / name) == [tuple(row.values()) for row in ROWS]


def test_a_json_file_may_hold_one_row(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(ROWS[0], indent=2))
    assert said(tmp_path / "one.json") == [tuple(ROWS[0].values())]


def test_messages_fit_into_a_cell_of_a_csv_file(tmp_path: Path) -> None:
    talk = [{"role": role, "content": f"{role} 🍞"} for role in ("user", "assistant", "user")]
    row = {"prompt": json.dumps(talk), "chosen": "[1] is a citation", "rejected": "no", "strength": "0.5"}
    (tmp_path / "talk.csv").write_bytes(cells([row], ","))
    preference = read([tmp_path / "talk.csv"], None).frames["preferences"].row(0, named=True)
    assert preference["prompt"] == talk
    assert preference["chosen"] == [{"role": "assistant", "content": "[1] is a citation"}]
    assert preference["strength"] == 0.5


def test_bad_lines_are_told_by_their_own_numbers_and_the_others_are_read(tmp_path: Path) -> None:
    sound = json.dumps(ROWS[0])
    lines = ["", sound, "{not json", "   ", '["a list"]', sound + " trailing", '{"prompt": "cut o', "", sound]
    (tmp_path / "some.jsonl").write_text("\r\n".join(lines))
    reading = read([tmp_path / "some.jsonl"], None)
    assert reading.frames["preferences"]["provenance"].to_list() == [["some.jsonl:2"], ["some.jsonl:9"]]
    assert reading.problems.select("file", "line", "reason", "row").rows() == [
        ("some.jsonl", 3, "not valid JSON: cut off before its end", "{not json"),
        ("some.jsonl", 5, "not a JSON object", '["a list"]'),
        ("some.jsonl", 6, "not valid JSON: cut off before its end", sound + " trailing"),
        ("some.jsonl", 7, "not valid JSON: cut off before its end", '{"prompt": "cut o'),
    ]


def test_lines_that_are_no_text_are_told_and_the_others_are_read(tmp_path: Path) -> None:
    sound = json.dumps(ROWS[1]).encode()
    (tmp_path / "some.jsonl").write_bytes(
        b"\n".join([sound, b'{"prompt": "caf\xe9"}', sound, sound + b"\x00\r", sound])
    )
    reading = read([tmp_path / "some.jsonl"], None)
    assert reading.frames["preferences"]["provenance"].list.first().to_list() == [f"some.jsonl:{n}" for n in (1, 3, 5)]
    assert reading.problems.select("line", "reason", "row").rows() == [
        (2, "not UTF-8 text", '{"prompt": "caf\\xe9"}'),
        (4, "holds NUL characters, which no JSON has", sound.decode() + "\\x00"),
    ]


def test_a_csv_row_that_is_wrong_is_told_by_the_line_it_begins_on(tmp_path: Path) -> None:
    text = 'prompt,chosen,rejected\n"two\nlines",a,b\n\nhi,only one\nhi,a,"b\n'
    (tmp_path / "some.csv").write_text(text)
    reading = read([tmp_path / "some.csv"], None)
    assert reading.frames["preferences"]["provenance"].to_list() == [["some.csv:2"]]
    assert reading.problems.select("line", "reason").rows() == [
        (5, "2 cells where the header names 3"),
        (6, 'a quote is never closed, or stands bare inside a cell (write it as "")'),
    ]


def test_a_missing_cell_is_told_as_missing(tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("prompt,chosen,rejected\nhi,,b\nhi,a,b\n")
    assert read([tmp_path / "some.csv"], None).problems.select("line", "reason").rows() == [(2, "chosen is missing")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.sampled_from('ab ,;"\n\té🍞['), min_size=1, max_size=6) for _ in range(3)]), min_size=1
    ),
    separator=st.sampled_from([",", "\t"]),
)
def test_any_cells_that_pythons_csv_writes_are_read_back(
    tmp_path: Path, rows: list[tuple[str, str, str]], separator: str
) -> None:
    path = tmp_path / ("rows.csv" if separator == "," else "rows.tsv")
    path.write_bytes(cells([dict(zip("abc", row, strict=True)) for row in rows], separator))
    found = rows_of(path)
    assert found["reason"].null_count() == len(rows)
    assert [tuple(json.loads(row).values()) for row in found["row"]] == rows


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.jsonl", b"", "the file is empty"),
        ("blank.jsonl", b"\n \r\n\t", "the file is empty"),
        ("empty.jsonl.gz", gzip.compress(b"", mtime=0), "the file is empty"),
        ("rows.json", b"[]", "the file holds no rows"),
        ("header.csv", b"prompt,chosen,rejected\n", "the file holds no rows"),
        ("no-rows.parquet", parquet(ROWS[:0]), "the file holds no rows"),
        ("photo.jsonl", b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8 text, from line 1"),
        ("latin.csv", "prompt,chosen,rejected\nça,é,è\n".encode("latin-1"), "not UTF-8 text, from line 2"),
        ("zeros.jsonl", b'{"a": 1}\x00\x00', "a binary file, not text"),
        ("cut.jsonl.gz", gzip.compress(json_lines(ROWS), mtime=0)[:-20], "the compressed file ends too early"),
        ("cut.jsonl.zst", PACKERS[".zst"](json_lines(ROWS))[:-5], "the compressed file ends too early"),
        ("cut.parquet", parquet(ROWS)[:-100], "the Parquet file is damaged"),
        ("packed.parquet.gz", gzip.compress(parquet(ROWS), mtime=0), "a Parquet file inside another compression"),
        ("cut.json", json.dumps(ROWS).encode()[:-9], "not valid JSON: "),
        (
            "other.jsonl",
            b'{"question": 1, "answer": 2}\n',
            "no known format fits this file; its keys are answer, question",
        ),
        ("log.jsonl", b"GET /index.html 200\n", "not one row of this file can be read; line 1: not valid JSON"),
        ("bad.csv", b'prompt,"chosen,rejected\na,b,c\n', "the header's quotes are never closed"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_refused_with_its_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name).startswith(reason)


def test_damaged_compression_is_refused(tmp_path: Path) -> None:
    for name, pack in (("a.gz", gzip.compress), ("a.zst", zstandard.ZstdCompressor(write_checksum=True).compress)):
        content = bytearray(pack(json_lines(ROWS)))
        content[len(content) // 2] ^= 0xFF
        (tmp_path / name).write_bytes(content)
        assert "compressed file" in refusal(tmp_path / name)


def test_a_path_that_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere.jsonl") == "there is no such file"
    assert refusal(tmp_path) == "this is a folder, not a file"
    loop = tmp_path / "loop.jsonl"
    loop.symlink_to(loop)
    assert refusal(loop).startswith("the file cannot be read: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not hold root back")
def test_a_file_one_may_not_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.jsonl"
    path.write_bytes(json_lines(ROWS))
    path.chmod(0)
    assert refusal(path) == "no permission to read this file"
