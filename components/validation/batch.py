"""Judges a whole batch: every record against the contract of its kind."""

from collections.abc import Mapping

import polars as pl

from components.records.schemas import KINDS, PROBLEM
from components.validation.contracts import check, clashing, under_own_ids
from components.validation.quarantine import as_problems


def judge(frames: Mapping[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Part a batch into what is sound and what has to be held.

    Args:
        frames: kind (a key of `KINDS`) to records.

    Returns:
        The sound records by kind, and the problems of all the others: the columns of `PROBLEM`.
    """
    sound, problems = {}, [pl.DataFrame(schema=PROBLEM)]
    for kind, frame in frames.items():
        sound[kind], bad = check(frame, KINDS[kind])
        problems.append(as_problems(bad, kind))
    return sound, pl.concat(problems)


def apart(kind: str, known: pl.DataFrame, new: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part sound records by whether what came first under their id says the same.

    Args:
        kind: one of `NAMED`.
        known: sound records that came first, each id once.
        new: sound records.

    Returns:
        The new records to take, and the problems of the others: the columns of `PROBLEM`.
    """
    sound, others = clashing(known, new, KINDS[kind])
    return sound, as_problems(others, kind)


def named_alike(kind: str, records: pl.DataFrame) -> pl.DataFrame:
    """The problems of records that say something else than the first of their id: the columns of `PROBLEM`."""
    return as_problems(under_own_ids(records, KINDS[kind]), kind)
