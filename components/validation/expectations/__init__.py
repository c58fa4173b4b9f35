"""What is expected of data as a whole: suites a person can change, tried on every batch and on everything together.

A failure drops no row and stops nothing: it is a number the data gate takes up, a sentence, and a page of Data Docs.
Great Expectations, which takes seconds to load, is loaded by `check` alone.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from components.records.handles import Estimate, Handle
from components.validation.expectations.columns import flat_feedback, flat_preferences
from components.validation.expectations.suites import PARAMETERS, Suite, file_of, read_suite
from components.workspace import Workspace
from components.workspace.files import place_text

WHOLE = "everything"
BATCHES_FAILED = "data/batch_expectations_failed"
DUE = 50  # rows of one kind or language: that there is none of what so many were due is no accident
MOST = 1_000_000  # records looked at
VALUES = {"feedback": "kind", "preferences": "language"}


class Outcome(Handle):
    """What came of one suite.

    Attributes:
        suite: `feedback` or `preferences`.
        met: how many expectations hold.
        asked: how many were asked: those there was enough data for.
        failures: what was expected, what was found, and why it was expected: a sentence for each that does not hold.
        page: address of the page of Data Docs about it.
    """

    suite: str
    met: int
    asked: int
    failures: tuple[str, ...]
    page: str


class Expected(Handle):
    """What came of everything that is expected of a batch, or of the whole dataset.

    Attributes:
        batch: the name of the batch, or `WHOLE`.
        outcomes: one for each suite there were rows for.
    """

    batch: str
    outcomes: tuple[Outcome, ...]

    @property
    def met(self) -> int:
        return sum(outcome.met for outcome in self.outcomes)

    @property
    def asked(self) -> int:
        return sum(outcome.asked for outcome in self.outcomes)

    @property
    def failures(self) -> tuple[str, ...]:
        """All that does not hold, each with the suite it belongs to."""
        return tuple(f"{outcome.suite}: {failure}" for outcome in self.outcomes for failure in outcome.failures)

    @property
    def measures(self) -> dict[str, Estimate]:
        """How many expectations do not hold: counted, not estimated, so its interval is the number itself."""
        return _counted("data/expectations_failed" if self.batch == WHOLE else BATCHES_FAILED, [self])

    @property
    def sentences(self) -> tuple[str, ...]:
        """How much holds, and all that does not."""
        return (f"Of what is expected, {self.in_words()}.", *self.failures)

    def in_words(self) -> str:
        """One line for a person."""
        what = "the whole dataset" if self.batch == WHOLE else f"batch {self.batch}"
        return f"{self.met} of {self.asked} met by {what}"


def of_all(batches: Sequence[Expected]) -> dict[str, Estimate]:
    """How many expectations do not hold in any of some batches together; nothing where there is no batch."""
    return _counted(BATCHES_FAILED, batches) if batches else {}


def _counted(name: str, looks: Sequence[Expected]) -> dict[str, Estimate]:
    failed = float(sum(look.asked - look.met for look in looks))
    return {name: Estimate(value=failed, low=failed, high=failed, n=sum(look.asked for look in looks))}


def check(workspace: Workspace, batch: str, feedback: pl.LazyFrame, preferences: pl.LazyFrame) -> Expected:
    """Hold records against the suites of the workspace, keep what came of it, and bring Data Docs up to date.

    Of more than a million records a million are looked at, always the same ones.

    Args:
        workspace: whose `expectations/` the suites are in; one that is missing there is the one heed brings.
        batch: the name of the folder in `data/` that the records are, or `WHOLE` for all there are. A batch is also
            compared with what landed before.
        feedback: records of `Feedback`.
        preferences: records of `Preference`.

    Raises:
        BadInput: a suite cannot be read, or an expectation in it cannot be asked.
    """
    at = datetime.now(UTC)
    suites = read(workspace)
    flat = {
        "feedback": flat_feedback(_at_most(feedback), at),
        "preferences": flat_preferences(_at_most(preferences), at),
    }
    from components.validation.expectations import checkpoint

    tried = checkpoint.run(
        batch,
        at,
        {kind: (suites[kind], flat[kind]) for kind in suites},
        {PARAMETERS[kind]: _due(workspace, batch, kind, frame) for kind, frame in flat.items()},
        workspace.checked / "results",
        workspace.data_docs,
    )
    outcomes = [
        Outcome(suite=kind, met=came.met, asked=came.asked, failures=came.failures, page=came.page)
        for kind, came in tried.items()
    ]
    expected = Expected(batch=batch, outcomes=tuple(outcomes))
    place_text(_file(workspace, batch), expected.model_dump_json())
    return expected


def read(workspace: Workspace) -> dict[str, Suite]:
    """Kind of record to its suite, as far as it can be understood without Great Expectations, which is in no time.

    Raises:
        BadInput: a suite cannot be read, or an expectation speaks of what there is not.
    """
    return {kind: read_suite(file_of(workspace.expectations, kind), kind) for kind in PARAMETERS}


def last(workspace: Workspace) -> tuple[Expected, ...]:
    """What came of the last batch, and of the last look at the whole dataset, as far as there were any."""
    batches = sorted(_folder(workspace).glob("*.json"))
    names = [*(batch.stem for batch in batches[-1:]), WHOLE]
    found = [came_of(workspace, name) for name in names]
    return tuple(expected for expected in found if expected)


def came_of(workspace: Workspace, batch: str) -> Expected | None:
    """What came of a batch, or of the last look at the whole; None where nobody has looked, or a kill came between."""
    file = _file(workspace, batch)
    return Expected.model_validate_json(file.read_text()) if file.exists() else None


def _file(workspace: Workspace, batch: str) -> Path:
    return workspace.checked / "whole.json" if batch == WHOLE else _folder(workspace) / f"{batch}.json"


def _folder(workspace: Workspace) -> Path:
    return workspace.checked / "batches"


def _at_most(records: pl.LazyFrame) -> pl.LazyFrame:
    """As many as are looked at; which ones follows from their ids, which are hashes."""
    count = records.select(pl.len()).collect().item()
    if count <= MOST:
        return records
    share = int(MOST / count * 16**8)
    return records.filter(pl.col("id").str.tail(8).str.to_integer(base=16) < share)


def _due(workspace: Workspace, batch: str, kind: str, flat: pl.DataFrame) -> list[str]:
    """What a batch should have some of, were it like what landed before from the same sources.

    Only what at least `DUE` rows would then have: of less, there may be none by chance.
    """
    files = [file for file in workspace.data.glob(f"*/{kind}.parquet") if file.parent.name != batch]
    if batch == WHOLE or not files:
        return []
    value = VALUES[kind]
    schema = {"source": pl.String(), value: pl.String()}
    landed = pl.scan_parquet(files, schema=schema, extra_columns="ignore", missing_columns="insert")
    before = landed.group_by("source", value).len("rows").collect()
    shares = before.with_columns(share=pl.col("rows") / pl.col("rows").sum().over("source"))
    due = flat.group_by("source").len("now").join(shares, on="source").group_by(value).agg(pl.col("now").dot("share"))
    return due.filter(pl.col("now") >= DUE)[value].drop_nulls().sort().to_list()
