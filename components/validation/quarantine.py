"""Keeps what could not be taken, with every reason, where a person can read it and decide. Knows nothing of how it
was found, and reads no format: a line as it stood in a file is for a reader to read again.

A file of held rows is never changed; what became of them is in the log of decisions beside them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from components.records.errors import BadInput
from components.records.handles import Estimate
from components.records.identity import content_ids
from components.records.schemas import KINDS, PROBLEM, as_records, dtypes
from components.validation import decisions
from components.validation.contracts import NAMED, check
from components.validation.decisions import Decision, decide
from components.workspace.files import place

ID = 16  # hex characters


def hold(folder: Path, problems: pl.DataFrame) -> Path | None:
    """Write problems down, one JSON object a line.

    The same problems always make the same file, so to hold them again changes nothing.

    Args:
        folder: where the quarantine is; made where it is not there yet.
        problems: the columns of `PROBLEM`, shape (n, 6).

    Returns:
        The file they are in; None where there are none.
    """
    if problems.is_empty():
        return None
    content = problems.select(row_ids(problems).alias("id"), *PROBLEM).write_ndjson().encode()
    target = folder / f"{hashlib.sha256(content).hexdigest()[:32]}.jsonl"
    if not target.exists():
        place(target, lambda aside: aside.write_bytes(content))
    return target


def held(folder: Path) -> pl.DataFrame:
    """Read all that is in quarantine, whatever became of it: the columns of `PROBLEM`, shape (n, 6)."""
    found = [_collected(_scan(file).select(PROBLEM.keys()), file) for file in _files(folder)]
    return pl.concat([pl.DataFrame(schema=PROBLEM), *found])


def unheld(folder: Path, problems: pl.DataFrame) -> pl.DataFrame:
    """The problems that are not in quarantine yet, for what is found again and again, if in other words."""
    return problems.filter(~names_of(problems).is_in(names(folder).implode()))


def names(folder: Path) -> pl.Series:
    """What every row in quarantine is known by, as `names_of` has it."""
    known = [_collected(_scan(file).select(same=_SAME), file)["same"] for file in _files(folder)]
    return pl.concat([pl.Series("same", [], pl.String), *known])


def names_of(problems: pl.DataFrame) -> pl.Series:
    """What problems are known by: a record by its id, however much it counts by now; a line by its place and words."""
    return problems.with_columns(id=row_ids(problems)).select(same=_SAME)["same"]


def as_problems(bad: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Write records that are not to be taken as problems.

    Args:
        bad: records with a `reason`, as `contracts.check` gives them.
        kind: what they are, a key of `KINDS`.

    Returns:
        The columns of `PROBLEM`, shape (n, 6). File and line are where the record was read from, if its provenance
        says so; else the file is its source.
    """
    origin = pl.col("provenance").list.first() if "provenance" in bad.columns else pl.lit(None, pl.String)
    place = origin.str.extract_groups(r"^(?<file>.+):(?<line>\d+)$")
    source = pl.col("source") if "source" in bad.columns else pl.lit(None, pl.String)
    return bad.select(
        file=pl.coalesce(place.struct.field("file"), source),
        line=place.struct.field("line").cast(pl.Int64),
        reason="reason",
        row=pl.struct(pl.exclude("reason")).struct.json_encode(),
        kind=pl.lit(kind),
        format=pl.lit(None, pl.String),
    )


def row_ids(rows: pl.DataFrame) -> pl.Series:
    """Name rows by where they stand and what they say (`file`, `line`, `row`): 16 hex characters each, shape (n,)."""
    return content_ids(rows, ("file", "line", "row")).str.head(ID)


def rows(folder: Path) -> pl.DataFrame:
    """Every row in quarantine, each once, oldest first, without what it says.

    Returns:
        `id`, `file`, `line`, `reason` (the newest), `reasons` (all), `kind`, `format`, `at` (when it was first held),
        `state` (one of `decisions.State`).
    """
    found = [_collected(_scan(file).drop("row"), file).with_columns(at=_when(file)) for file in _files(folder)]
    if not found:
        return pl.DataFrame(schema=_ROWS)
    whole = pl.concat(found)
    once = whole.unique("id", keep="first", maintain_order=True)
    twice = whole.filter(pl.col("id").is_duplicated())
    told = twice.group_by("id").agg(
        last=pl.col("reason").last(),
        reasons=pl.col("reason").unique(maintain_order=True),
        known=pl.col("kind").drop_nulls().last(),
        readable=pl.col("format").drop_nulls().last(),
    )
    joined = once.join(told, on="id", how="left", maintain_order="left")
    joined = joined.join(decisions.states(folder).drop("row"), on="id", how="left", maintain_order="left")
    return joined.select(
        "id",
        "file",
        "line",
        reason=pl.coalesce("last", "reason"),
        reasons=pl.coalesce("reasons", pl.concat_list("reason")),
        kind=pl.coalesce("known", "kind"),
        format=pl.coalesce("readable", "format"),
        at="at",
        state=pl.col("state").fill_null("waiting"),
    )


def naming(folder: Path, names: Sequence[str]) -> pl.DataFrame:
    """The rows, as `rows` gives them, in which any of some ids stands."""
    said = pl.any_horizontal(pl.col("row").str.contains(name, literal=True) for name in names)
    found = [_collected(_scan(file).filter(said).select("id"), file) for file in _files(folder)]
    named = pl.concat([pl.DataFrame(schema={"id": pl.String}), *found])
    return rows(folder).join(named, on="id", how="semi", maintain_order="left")


def waiting(folder: Path, landed: int) -> dict[str, Estimate]:
    """`data/waiting`: the share of all rows that wait for somebody to decide. Counted, so its interval has no width.

    Args:
        landed: how many records were taken.
    """
    count = rows(folder).filter(pl.col("state") == "waiting").height
    share = count / max(1, count + landed)
    return {"data/waiting": Estimate(value=share, low=share, high=share, n=count + landed)}


def whole_rows(folder: Path, ids: pl.Series) -> pl.DataFrame:
    """Rows as they were held: `id` and the columns of `PROBLEM`, one row each."""
    wanted = pl.col("id").is_in(ids.implode())
    found = [_collected(_scan(file).filter(wanted), file) for file in _files(folder)]
    # The newest, because the first heeds noted less about a row.
    return pl.concat([pl.DataFrame(schema=_HELD), *found]).unique("id", keep="last", maintain_order=True)


def release(folder: Path, chosen: pl.DataFrame, because: str, mended: str | None = None) -> None:
    """Let rows be taken up by the next ingest.

    Args:
        chosen: the rows, as `rows` gives them.
        because: why.
        mended: what to take in the place of the one row, a JSON object; a record must keep its contract.

    Raises:
        BadInput: the mended row is not what it has to be, or nobody knows how to read a row.
    """
    _refuse_unreadable(chosen)
    if mended is None:
        sound = _sound_records(whole_rows(folder, chosen["id"]))
        decide(folder, Decision("released", chosen["id"].to_list(), because, sound))
        return
    [row] = chosen.to_dicts()
    if row["kind"] is None:
        decide(folder, Decision("released", [row["id"]], because, row=mended))
        return
    before = _sound_records(whole_rows(folder, chosen["id"]))
    record = _mended(mended, row["kind"])
    ids = record["id"].to_list()
    text = record.select(pl.struct(pl.all()).struct.json_encode()).item()
    decide(
        folder,
        Decision("discarded", [row["id"]], because, [old for old in before if old not in ids]),
        Decision("released", [row["id"]], because, ids, text),
    )


def discard(folder: Path, chosen: pl.DataFrame, because: str) -> None:
    """Leave rows out for good; they stay readable. A sound record among them does not land by another way either.

    Args:
        chosen: the rows, as `rows` gives them.
        because: why.
    """
    sound = _sound_records(whole_rows(folder, chosen["id"]))
    decide(folder, Decision("discarded", chosen["id"].to_list(), because, sound))


@dataclass(frozen=True)
class Released:
    """What a person let go, for an ingest to take up.

    Attributes:
        records: kind to records.
        lines: rows that a reader has to read again: `file`, `line`, `row`, `format`.
        ids: of the rows, as they were held.
        again: names of the same rows if they came to be held once more.
        decided: the number of the decision that released each.
    """

    records: Mapping[str, pl.DataFrame]
    lines: pl.DataFrame
    ids: pl.Series
    again: pl.Series
    decided: pl.Series


def released(folder: Path) -> Released:
    """All that was released and not yet taken up."""
    told = decisions.states(folder).filter(pl.col("state") == "released")
    chosen = whole_rows(folder, told["id"]) if told.height else pl.DataFrame(schema=_HELD)
    mended = told.select("id", "decided", mended="row")
    ready = chosen.join(mended, on="id", how="left", maintain_order="left")
    as_held, changed = ready.filter(pl.col("mended").is_null()), ready.filter(pl.col("mended").is_not_null())
    changed = changed.with_columns(row="mended")
    ready = pl.concat([as_held, changed])
    return Released(
        records=_records(ready),
        lines=ready.filter(pl.col("kind").is_null()).select("file", "line", "row", "format"),
        ids=ready["id"],
        again=pl.concat([as_held["id"], row_ids(changed)]),
        decided=ready["decided"],
    )


def anything_released(folder: Path) -> bool:
    """Whether an ingest has something to take up here."""
    return bool((decisions.states(folder)["state"] == "released").any())


def settle(folder: Path, taken: Released, problems: pl.DataFrame) -> None:
    """Note that an ingest has taken up what was released; those of the rows that are held again are waiting again.

    Of a row that somebody has decided on anew in the meantime, that decision stands.

    Args:
        taken: what it took up.
        problems: all that it held.
    """
    then = pl.DataFrame({"id": taken.ids, "decided": taken.decided, "again": taken.again})
    unchanged = then.join(decisions.states(folder), on=["id", "decided"], how="semi", maintain_order="left")
    if unchanged.is_empty():
        return
    back = row_ids(problems)
    back = back.filter(back.is_in(unchanged["again"].implode()))
    ended = [Decision("landed", unchanged["id"].to_list(), "taken up by an ingest", by="heed")]
    if len(back):
        ended.append(Decision("waiting", back.to_list(), "held again", by="heed"))
    decide(folder, *ended)


def trusted(folder: Path) -> pl.Series:
    """Ids of records that a person released: no suspicion holds them any more."""
    return decisions.records_that_were(folder, "released")


def discarded(folder: Path) -> pl.Series:
    """Ids of records that a person discarded: they land by no way."""
    return decisions.records_that_were(folder, "discarded")


def suspected(folder: Path) -> pl.Series:
    """Ids of sound records that wait for a person: however they come, they land only when they are released."""
    records = rows(folder).filter(pl.col("state") == "waiting", pl.col("kind").is_not_null())
    return pl.Series("id", _sound_records(whole_rows(folder, records["id"])), pl.String)


_HELD: dict[str, pl.DataType] = {"id": pl.String(), **PROBLEM}
_BEGINS = b'{"id":'
_SAME = (
    pl.when(pl.col("kind").is_not_null())
    .then(pl.concat_str("kind", pl.col("row").str.extract(r'^\{"id":"([0-9a-f]{32})"')))
    .fill_null(pl.col("id"))
)
_ROWS: dict[str, pl.DataType] = {
    "id": pl.String(),
    "file": pl.String(),
    "line": pl.Int64(),
    "reason": pl.String(),
    "reasons": pl.List(pl.String()),
    "kind": pl.String(),
    "format": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "state": pl.String(),
}


def _files(folder: Path) -> list[Path]:
    files = [(file.stat().st_mtime_ns, file) for file in folder.glob("*.jsonl") if file.name != decisions.FILE]
    return [file for _, file in sorted(files)]


def _scan(file: Path) -> pl.LazyFrame:
    """The rows of a file with their ids, which files of the first heeds lack."""
    with file.open("rb") as opened:
        if opened.read(len(_BEGINS)) == _BEGINS:
            return pl.scan_ndjson(file, schema=_HELD)
    read = _collected(pl.scan_ndjson(file, schema=PROBLEM), file)
    return read.select(row_ids(read).alias("id"), *PROBLEM).lazy()


def _collected(frame: pl.LazyFrame, file: Path) -> pl.DataFrame:
    try:
        return frame.collect()
    except pl.exceptions.PolarsError as error:
        said = str(error).splitlines()[0]
        raise BadInput(f"not a file of held rows: {said}", file, "Take it back from a copy, or move it away.") from None


def _when(file: Path) -> pl.Expr:
    return pl.lit(datetime.fromtimestamp(file.stat().st_mtime, UTC)).cast(pl.Datetime("us", "UTC"))


def _records(told: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Kind to the records that rows with a `kind` hold."""
    kinds = told["kind"].drop_nulls().unique(maintain_order=True)
    return {kind: _decoded(told.filter(pl.col("kind") == kind)["row"], kind) for kind in kinds}


def _decoded(texts: pl.Series, kind: str) -> pl.DataFrame:
    schema = KINDS[kind]
    return as_records(texts.str.json_decode(pl.Struct(dtypes(schema))).struct.unnest(), schema)


def _sound_records(told: pl.DataFrame) -> list[str]:
    """Ids of the records among rows that keep their contract: nothing but a suspicion holds them."""
    return [name for kind, frame in _records(told).items() for name in check(frame, KINDS[kind])[0]["id"].to_list()]


def _refuse_unreadable(chosen: pl.DataFrame) -> None:
    for row in chosen.filter(pl.col("kind").is_null() & pl.col("format").is_null()).head(1).to_dicts():
        raise BadInput(
            "nobody knows how to read this row: it was held before its format was noted",
            f"{row['id']}, from {row['file']}",
            "Ingest its file again, or a file with the mended row, and discard this one.",
        )


def _mended(text: str, kind: str) -> pl.DataFrame:
    """One record that keeps its contract."""
    schema = KINDS[kind]
    fix = f"The columns of {kind} are {', '.join(dtypes(schema))}; `heed quarantine explain` shows how they look."
    try:
        told = json.loads(text)
        if unknown := set(told) - set(dtypes(schema)):
            raise BadInput(f"{kind} have no {', '.join(sorted(unknown))}", "--row", fix)
        if kind not in NAMED:  # others refer to such a record by its id
            told["id"] = None
        record = _decoded(pl.Series([json.dumps(told)]), kind)
    except (ValueError, TypeError, pl.exceptions.PolarsError) as error:
        said = str(error).splitlines()[0]
        raise BadInput(f"the mended row is not one of {kind}: {said}", "--row", fix) from None
    _, bad = check(record, schema)
    if bad.height:
        raise BadInput(f"the mended row breaks its contract: {bad['reason'].item()}", "--row", "Mend that too.")
    return record
