"""Works on a few things at a time and gives what comes of them in order. Knows nothing of the work.

For work that leaves Python for Polars or DuckDB: on a piece of a hundred thousand rows these use one core for the most
part, and several pieces at a time use all, or all nodes of a Ray cluster where one is used.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from components import cluster

T = TypeVar("T")
R = TypeVar("R")


def ahead(work: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
    """What comes of each thing, in their order; the next ones are worked on while the last is looked at."""
    with cluster.pool(work) as pool:
        waiting: deque[Callable[[], R]] = deque()
        for thing in things:
            waiting.append(pool.begin(thing))
            if len(waiting) > pool.at_a_time:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()
