"""Works on a few things at a time and gives what comes of them in order. Knows nothing of the work.

For work that leaves Python for Polars or DuckDB: on a piece of a hundred thousand rows these use one core for the most
part, and several pieces at a time use all.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_A_TIME = min(4, os.cpu_count() or 1)


def ahead(work: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
    """What comes of each thing, in their order; the next ones are worked on while the last is looked at."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        waiting: deque[Future[R]] = deque()
        for thing in things:
            waiting.append(pool.submit(work, thing))
            if len(waiting) > AT_A_TIME:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
