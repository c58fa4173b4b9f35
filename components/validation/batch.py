"""Judges a whole batch: every record against the contract of its kind."""

from collections.abc import Mapping

import polars as pl

from components.records.schemas import KINDS, PROBLEM
from components.validation.contracts import check
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
